/**
 * The library under test: this checkout's, or that of another (`library`: the URL of its `dist/index.js`). The tasks
 * module gets it with its own URL, on the worker thread as well.
 */
export function loadLibrary(url: string | null | undefined): Promise<typeof import('#index')> {
  return import(url ?? '#index');
}

/** The library, its tasks, and the options with which the runtime finds them. */
export async function loadTasks(library?: string) {
  const place = new URL('./tasks.js', import.meta.url);
  if (library !== undefined) place.searchParams.set('library', library);
  const { tasks }: typeof import('./tasks.js') = await import(place.href);
  return { ...(await loadLibrary(library)), tasks, options: { tasks: place, log: false } };
}
