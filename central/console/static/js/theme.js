// Before anything is painted: the colours that were chosen on this machine.
(() => {
  const chosen = localStorage.getItem("llar-theme");
  if (chosen && chosen !== "auto") document.documentElement.dataset.theme = chosen;
})();
