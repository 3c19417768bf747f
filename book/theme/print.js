// The page to be printed: paper does not unfold. Answers go to its end, each with the number that its fold gets; what is
// folded for other reasons is opened where it stands.
(() => {
  if (!/\/print(\.html)?$/.test(window.location.pathname)) return;
  const main = document.querySelector("main");
  if (!main) return;
  const answers = document.createElement("section");
  answers.id = "answers";
  const heading = document.createElement("h1");
  heading.textContent = "Answers";
  answers.append(heading);
  let number = 0;
  for (const fold of main.querySelectorAll("details")) {
    const summary = fold.querySelector("summary");
    const body = [...fold.childNodes].filter((node) => node !== summary);
    const text = body.map((node) => node.textContent).join("").trim();
    if (!summary || !(fold.matches(".answer") || /^(Yes|No)\b/.test(text))) {
      fold.open = true;
      continue;
    }
    number += 1;
    const answer = document.createElement("div");
    const name = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = `${number}. `;
    const exercise = fold.closest("section.exercise");
    const title = exercise && exercise.querySelector(".exercise-title strong");
    name.append(strong, title ? title.textContent : summary.textContent);
    answer.append(name, ...body);
    answers.append(answer);
    summary.append(` (answer ${number})`);
  }
  if (number > 0) main.append(answers);
})();
