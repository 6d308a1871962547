// A formula that is wider than its place scrolls, by the keyboard too, and fades out where there is more of it.
document.addEventListener("DOMContentLoaded", () => {
  const mark = ({ target }) => {
    const hidden = target.scrollWidth - target.clientWidth;
    if (hidden > 0) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
    target.classList.toggle("more", hidden - target.scrollLeft > 1);
  };
  const watch = new ResizeObserver((changes) => changes.forEach(mark));
  document.querySelectorAll(".katex-display").forEach((formula) => {
    watch.observe(formula);
    formula.addEventListener("scroll", mark);
  });
});
