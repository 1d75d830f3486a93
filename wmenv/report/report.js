"use strict";
// Clips play while they are in view and stop when they are not; who asked for less motion starts them by hand.
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const videos = document.querySelectorAll("video");
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !calm) target.play().catch(() => {});
    else target.pause();
  }
}, { threshold: 0.5 });
for (const video of videos) {
  seen.observe(video);
  // Controls would cover a third of so small a picture; they come with the pointer or the keyboard.
  video.controls = calm;
  video.tabIndex = 0;
  for (const kind of ["pointerenter", "focus"]) video.addEventListener(kind, () => { video.controls = true; });
  for (const kind of ["pointerleave", "blur"]) video.addEventListener(kind, () => { video.controls = calm; });
  video.addEventListener("error", () => {
    const told = document.createElement("p");
    told.className = "missing";
    told.textContent = "This browser does not play H.264.";
    video.replaceWith(told);
  });
}
