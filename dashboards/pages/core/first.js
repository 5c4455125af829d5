// Runs before the first paint, so that a chosen theme does not flash. The rest of the theme is in
// theme.js; this file is no module because modules run after the page is there.
(() => {
  try {
    const theme = localStorage.getItem("leadsman-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden: the system's theme stays.
  }
})();
