// The compatibility table is there without script; this lets a reader search and filter it.
const compatRows = [...document.querySelectorAll("#compat tbody tr")];

if (compatRows.length) {
  const chosenOutcomes = new Set();
  const form = document.getElementById("compat-filters");
  const query = document.getElementById("compat-q");
  const buttons = [...form.querySelectorAll("button[data-outcome]")];
  const sift = () => {
    const wanted = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of compatRows) {
      const outcomes = row.dataset.outcomes.split(" ");
      row.hidden = !wanted.every((word) => row.dataset.text.includes(word))
        || (chosenOutcomes.size > 0 && !outcomes.some((outcome) => chosenOutcomes.has(outcome)));
      shown += row.hidden ? 0 : 1;
    }
    document.getElementById("compat-shown").textContent =
      shown === compatRows.length ? `${shown} rows` : `${shown} of ${compatRows.length} rows`;
    for (const button of buttons) {
      const on = chosenOutcomes.has(button.dataset.outcome);
      button.setAttribute("aria-pressed", String(on));
      button.className = on ? `o-${button.dataset.outcome}` : "";
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      if (!chosenOutcomes.delete(button.dataset.outcome)) chosenOutcomes.add(button.dataset.outcome);
      sift();
    });
  }
  query.addEventListener("input", sift);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  sift();
}
