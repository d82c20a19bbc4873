/**
 * Splits JavaScript as `tsc` prints it into tokens. Comments are dropped, line breaks kept. What it does not know
 * (regular expressions) it refuses, loudly.
 */
export interface Token {
  /** Space and line breaks before the token. */
  readonly gap: string;
  readonly text: string;
  readonly kind: 'word' | 'number' | 'string' | 'punctuator' | 'end';
}

const SPACE = /\s+/y;
const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//y;
const WORD = /#?[\p{L}_$][\p{L}\p{N}_$]*/uy;
const NUMBER = /0[xXbBoO][\da-fA-F_]+n?|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?n?/y;
const STRING = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/y;
const PUNCTUATOR =
  />>>=|\.\.\.|\*\*=|===|!==|<<=|>>=|>>>|\?\?=|&&=|\|\|=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|\*\*|[{}()[\];,<>+\-*/%&|^!~?:=.]/y;

/** After one of these a slash divides; after anything else it would begin a regular expression. */
const ENDS_OPERAND = /^(?:[\p{L}\p{N}_$#].*|\)|\])$/u;

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const eat = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) at += text.length;
    return text;
  };
  for (;;) {
    let gap = '';
    for (;;) {
      const space = eat(SPACE);
      if (space !== undefined) gap += space;
      else if (eat(COMMENT) === undefined) break;
    }
    if (at === source.length) {
      tokens.push({ gap, text: '', kind: 'end' });
      return tokens;
    }
    const start = at;
    let kind: Token['kind'] = 'word';
    if (eat(WORD) === undefined) {
      kind = 'number';
      if (eat(NUMBER) === undefined) {
        kind = 'string';
        if (eat(STRING) === undefined) {
          kind = 'punctuator';
          if (eat(PUNCTUATOR) === undefined)
            throw new SyntaxError(`Unknown text: ${source.slice(at, at + 40)}`);
        }
      }
    }
    const text = source.slice(start, at);
    if (text.startsWith('/') && !ENDS_OPERAND.test(tokens.at(-1)?.text ?? '')) {
      throw new SyntaxError(`Regular expressions are not supported: ${source.slice(start, start + 40)}`);
    }
    tokens.push({ gap, text, kind });
  }
}
