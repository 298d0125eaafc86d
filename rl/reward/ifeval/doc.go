// Package ifeval judges whether a response follows instructions that a program can verify: the 25 kinds of IFEval
// (arXiv 2311.07911), in the JSON shape of its data file.
//
// An Instruction is a kind with its arguments. Check judges a response as it is (strict accuracy), CheckLoose also
// takes it with its first line, its last line or its asterisks left out (loose accuracy, section 2.3 of the paper). Hacks
// finds what satisfies a verifier but not the person who asked: claims of compliance that are untrue, empty or repeated
// text, stuffed keywords, a copied prompt. Draw and Compose make instructions and texts that follow them.
//
// The verdicts are meant to be those of the public checker. Where they differ on purpose:
//
//   - A word is a run of letters, marks, digits and underscores; Python's \w leaves out combining marks, so that the
//     public checker cuts Hindi words at their vowel signs. "don't" and "well-known" are two words in both.
//   - Sentences are split by rules of our own, not by a trained model: see Sentences. The ends of lines end none, as there.
//   - A word in capitals may contain hyphens, dots, apostrophes, slashes and ampersands: "WELL-KNOWN", "U.S." and "DON'T"
//     are one each.
//   - Keywords are literal text, not regular expressions. As there, they match inside longer words, while forbidden words
//     match whole words only.
//   - A language is recognised by Detect. The public checker takes text in which it finds none as compliant; here text
//     without letters follows no instruction on language, and where the evidence does not suffice the error wraps
//     reward.ErrUnavailable.
//   - JSON is what RFC 8259 says; the public checker also takes NaN and Infinity.
package ifeval
