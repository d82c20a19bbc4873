/** A module that is never done with loading. */
console.log('loading');
setInterval(() => {}, 1000);
await new Promise(() => {});
