// The address after the #: which view, and of what.

/** {view, params} of the present address. */
export function route() {
  const [view, query] = location.hash.slice(1).split("?");
  return { view: view || "where", params: new URLSearchParams(query) };
}

/** Notes in the address what a view shows, so that a reload shows it again; empty values are left out. */
export function note(view, values) {
  const params = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  const address = `#${view}${params.size ? `?${params}` : ""}`;
  // A view in the background does not change the address of the one that is shown.
  if (route().view === view) history.replaceState(null, "", address);
  sessionStorage.setItem(`route-${view}`, address);
}

/** Where a view was left, for the links of the menu. */
export const left = (view) => sessionStorage.getItem(`route-${view}`) ?? `#${view}`;
