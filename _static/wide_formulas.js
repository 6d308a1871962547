// A formula that is wider than its place scrolls; with a tab stop, it does so by the keyboard too.
document.addEventListener("DOMContentLoaded", () => {
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes)
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
  });
  document.querySelectorAll(".katex-display").forEach((formula) => watch.observe(formula));
});
