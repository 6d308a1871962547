// What the search takes for a word: the same for the pages, when the book is built, and for what a reader types.
// `Stemmer` is Porter's, which Sphinx carries; `SEARCH_WORDS` is words.json.

const stemmer = new Stemmer();
const stem = (word) => (/^[a-z]+$/.test(word) ? stemmer.stemWord(word) : word);
const stop = new Set(SEARCH_WORDS.stop);
const meaning = new Map(); // a group of synonyms counts as one word, the first
for (const [first, ...others] of SEARCH_WORDS.same) {
  for (const word of [first, ...others]) meaning.set(stem(word), stem(first));
}

// "does not go down" is one idea and three words.
const phrases = Object.entries(SEARCH_WORDS.phrases).map(([words, word]) => [new RegExp(words, "g"), ` ${word} `]);

function tokenize(text) {
  text = text.normalize("NFD").replace(/\p{M}/gu, ""); // Lovász as Lovasz
  let plain = text.toLowerCase().replaceAll("\u2212", "-");
  // A name counts by its parts, BCEWithLogitsLoss as bce with logits loss; one with underscores whole as well.
  for (const name of text.match(/[A-Za-z]+(?:[A-Z][a-z]{2,}|_[A-Za-z]+)+/g) ?? []) {
    const whole = name.toLowerCase();
    const parts = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
    if (name.includes("_")) plain += ` ${parts}`;
    else plain = plain.replaceAll(whole, parts);
  }
  for (const [words, word] of phrases) plain = plain.replace(words, word);
  return plain.match(/\d+\.\d+|[a-z][a-z0-9]*(?:_[a-z0-9]+)*/g) ?? [];
}

function processTerm(term) {
  if (/^\d/.test(term)) return term.slice(0, term.indexOf(".") + 3); // 0.6931 is 0.69; sizes in a message vary, and are left out
  if (term.length < 2 || stop.has(term)) return null;
  return meaning.get(stem(term)) ?? stem(term);
}

const SEARCH_OPTIONS = {
  fields: ["title", "words", "page", "text"],
  storeFields: ["title", "words", "page", "url", "text"],
  tokenize,
  processTerm,
};

function buildIndex(sections) {
  const index = new MiniSearch(SEARCH_OPTIONS);
  index.addAll(sections);
  return JSON.stringify(index);
}

// What a name says, whatever the order and the form of its words: nn.HuberLoss, "huber loss" and Huber are one.
const GENERAL = new Set(["loss", "function", "functional", "nn", "f", "torch", "py"]); // PyTorch is two of them
function gist(words) {
  const special = tokenize(words.replaceAll("_", " ")).filter((term) => !stop.has(term) && !GENERAL.has(term));
  return [...new Set(special.map((term) => processTerm(term) ?? term))].sort().join(" ");
}

function find(index, query) {
  const found = index.search(query, {
    boost: { title: 4, words: 5, page: 1.5 },
    fuzzy: (term) => (term.length > 5 ? 0.2 : false),
    prefix: (term) => term.length > 3,
    weights: { fuzzy: 0.2, prefix: 0.3 },
    // The museum is where one finds cures; the reference is for those who know the name.
    boostDocument: (id) => Object.entries(SEARCH_WORDS.weights).find(([page]) => id.startsWith(page))?.[1] ?? 1,
  });
  // A section of just that name comes before those that hold the words.
  const asked = gist(query);
  const named = ({ title, words }) => [title, ...words.split("\n")].some((name) => asked && gist(name) === asked);
  return [...found.filter(named), ...found.filter((section) => !named(section))];
}
