// The page of results: the query stands in the address, search.html?q=...

const index = MiniSearch.loadJSON(SEARCH_INDEX, SEARCH_OPTIONS);

function holds(word, terms) {
  return tokenize(word).some((term) => terms.has(processTerm(term)));
}

// Write words into an element, and mark those that were asked for.
function write(element, words, terms) {
  words.forEach((word, i) => {
    const marked = holds(word, terms) ? document.createElement("mark") : null;
    marked?.append(word);
    element.append(i ? " " : "", marked ?? word);
  });
}

// The part of a section's text that holds most of what was asked for.
function excerpt(text, terms) {
  const words = text.split(/\s+/);
  const hits = words.map((word) => holds(word, terms));
  let best = 0, most = -1;
  for (let start = 0; start === 0 || start + 30 <= words.length; start += 6) {
    const count = hits.slice(start, start + 30).filter(Boolean).length;
    if (count > most) [best, most] = [start, count];
  }
  const line = document.createElement("p");
  if (best > 0) line.append("… ");
  write(line, words.slice(best, best + 30), terms);
  if (best + 30 < words.length) line.append(" …");
  return line;
}

function show(query) {
  const results = document.getElementById("search-results");
  const found = find(index, query).slice(0, 20);
  const list = document.createElement("ol");
  for (const { title, page, url, text, queryTerms } of found) {
    const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("span");
    link.href = url;
    const terms = new Set(queryTerms);
    write(link, title.split(" "), terms);
    where.textContent = page === title ? "" : page;
    item.append(link, where, excerpt(text, terms));
    list.append(item);
  }
  const summary = document.createElement("p");
  summary.setAttribute("role", "status");
  summary.textContent = found.length
    ? "Sections of the book, the likeliest first:"
    : "No section holds these words. Try the main words of the message, or one word for what you see.";
  results.replaceChildren(summary, list);
}

const query = new URLSearchParams(location.search).get("q") ?? "";
if (query.trim()) {
  document.querySelector(".bd-search-container input[name=q]").value = query;
  show(query);
}
