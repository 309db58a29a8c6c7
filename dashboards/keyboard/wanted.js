// At the login: remember in this tab which address was asked for; `keys.js` goes there once somebody is let in.
export default function () {
  sessionStorage.setItem("outerloop_wanted", window.location.pathname + window.location.search);
}
