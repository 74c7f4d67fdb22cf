"""Tables of speech sounds: ARPABET and SAMPA to IPA, and IPA to the nearest sound of English.

ARPABET as in the CMU Pronouncing Dictionary (http://www.speech.cs.cmu.edu/cgi-bin/cmudict) with the
sounds that TIMIT adds; SAMPA as in J. Wells, "SAMPA computer readable phonetic alphabet", 1997
(https://www.phon.ucl.ac.uk/home/sampa/). The nearest sounds are our choice: place, manner and
voice for consonants; height, then lip rounding or backness, whichever is more audible, for vowels.
"""

from __future__ import annotations

ARPABET = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɝ"},
    **{"EY": "eɪ", "IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u"},
    **{"B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ"},
    **{"K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s"},
    **{"SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ"},
}
REDUCED = {"AH": "ə", "ER": "ɚ"}  # the same without stress
TIMIT = {
    **{"AX": "ə", "AX-H": "ə", "AXR": "ɚ", "IX": "ɨ", "UX": "ʉ", "DX": "ɾ", "NX": "ɾ", "Q": "ʔ"},
    **{"EL": "l̩", "EM": "m̩", "EN": "n̩", "ENG": "ŋ̩", "HV": "ɦ", "WH": "ʍ", "H": "h"},
}

SAMPA = {
    **{"A": "ɑ", "{": "æ", "6": "ɐ", "Q": "ɒ", "E": "ɛ", "@": "ə", "3": "ɜ", "I": "ɪ", "O": "ɔ"},
    **{"2": "ø", "9": "œ", "&": "ɶ", "U": "ʊ", "}": "ʉ", "V": "ʌ", "Y": "ʏ", "1": "ɨ", "7": "ɤ"},
    **{"8": "ɵ", "M": "ɯ", "B": "β", "C": "ç", "D": "ð", "G": "ɣ", "H": "ɥ", "J": "ɲ", "K": "ɬ"},
    **{"L": "ʎ", "N": "ŋ", "R": "ʁ", "S": "ʃ", "T": "θ", "W": "ʍ", "X": "χ", "Z": "ʒ", "?": "ʔ"},
    **{"4": "ɾ", "5": "ɫ", "P": "ʋ", "F": "ɱ", ":": "ː", "~": "̃", "=": "̩", "g": "ɡ", '"': "ˈ"},
    "%": "ˌ",
}
# The labels of EMO-DB are close German SAMPA, but write an approximant as V, not an open vowel.
LABLAUT = SAMPA | {"V": "ʋ", "H": "h", "L": "l"}

VOWELS = frozenset("iyɨʉɯuɪʏʊeøɘɵɤoəɚɛœɜɝɞʌɔæɐaɶɑɒᵻ")
AFFRICATES = ("ts", "dz", "tʃ", "dʒ", "tɕ", "dʑ", "ʈʂ", "ɖʐ", "pf", "tɬ")

# IPA without length, tone and accent -> sounds of the English acoustic model.
NEAREST = {
    # Vowels, front to back, close to open; rounded front vowels go by their lips.
    **{"i": "IY", "y": "UW", "ɪ": "IH", "ʏ": "UH", "e": "EY", "ø": "ER", "ɛ": "EH", "œ": "ER"},
    **{"æ": "AE", "a": "AA", "ɶ": "AA", "ɨ": "IH", "ᵻ": "IH", "ʉ": "UW", "ɘ": "AH", "ɵ": "AH"},
    **{"ə": "AH", "ɚ": "ER", "ɜ": "ER", "ɝ": "ER", "ɞ": "ER", "ɐ": "AH", "ɯ": "UW", "u": "UW"},
    **{"ʊ": "UH", "ɤ": "AH", "o": "OW", "ʌ": "AH", "ɔ": "AO", "ɑ": "AA", "ɒ": "AO"},
    # Diphthongs by their two ends; others are two vowels, one after the other.
    **{"aɪ": "AY", "ai": "AY", "ɑɪ": "AY", "ae": "AY", "ʌɪ": "AY", "ɐɪ": "AY", "aʊ": "AW"},
    **{"au": "AW", "ao": "AW", "ɑu": "AW", "ɑʊ": "AW", "æʊ": "AW", "ɛʊ": "AW", "œy": "AY"},
    **{"eɪ": "EY", "ei": "EY", "ɛɪ": "EY", "ɛi": "EY", "æɪ": "EY", "oʊ": "OW", "əʊ": "OW"},
    **{"ou": "OW", "ɔʊ": "OW", "ɔu": "OW", "ɔɪ": "OY", "ɔi": "OY", "oɪ": "OY", "oi": "OY"},
    **{"ɔø": "OY", "ɔʏ": "OY", "ɔy": "OY", "øy": "OY", "ɐʊ": "AW"},
    # Stops.
    **{"p": "P", "b": "B", "t": "T", "d": "D", "ʈ": "T", "ɖ": "D", "c": "K", "ɟ": "G", "k": "K"},
    **{"ɡ": "G", "q": "K", "ɢ": "G", "ʔ": "", "ɓ": "B", "ɗ": "D", "ɠ": "G"},
    # Nasals.
    **{"m": "M", "ɱ": "M", "n": "N", "ɳ": "N", "ɲ": "N Y", "ŋ": "NG", "ɴ": "NG"},
    # Trills, taps, approximants, laterals.
    **{"r": "R", "ɾ": "D", "ɽ": "D", "ʀ": "R", "ʁ": "R", "ɹ": "R", "ɻ": "R", "ʋ": "V", "j": "Y"},
    **{"ɥ": "Y", "ɰ": "W", "w": "W", "ʍ": "W", "l": "L", "ɫ": "L", "ɭ": "L", "ʎ": "L Y", "ʟ": "L"},
    **{"ɬ": "SH", "ɮ": "ZH", "ɺ": "L"},
    # Fricatives and affricates.
    **{"ɸ": "F", "β": "V", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z"},
    **{"ʃ": "SH", "ʒ": "ZH", "ʂ": "SH", "ʐ": "ZH", "ɕ": "SH", "ʑ": "ZH", "ç": "SH", "ʝ": "Y"},
    **{"x": "HH", "ɣ": "G", "χ": "HH", "ħ": "HH", "ʕ": "AA", "h": "HH", "ɦ": "HH", "ɧ": "SH"},
    **{"ts": "T S", "dz": "D Z", "tʃ": "CH", "dʒ": "JH", "tɕ": "CH", "dʑ": "JH", "ʈʂ": "CH"},
    **{"ɖʐ": "JH", "pf": "P F", "tɬ": "T L"},
}
