"""Aligned English / Korean / French sentences, every pronoun labelled with what it stands for.

A template is one JSON object in ``data/templates/{pronoun,plain}_*.json`` (each file holds a list)::

    {
      "id": "cross_because",
      "held_out": false,
      "slots": {"x": "animal", "y": "path"},
      "flip":  {"x": "held_back", "y": "hard_to_cross"},
      "en": "{x} did not cross {y} because {it} {was/were} too {w}.",
      "ko": "[그 ]{x은} {y을} 건너지 않았다. 왜냐하면 {it은} 너무 {w:었기} 때문이다.",
      "fr": "{x} n'{a/ont:x} pas traversé {y} parce que {il} {était/étaient} trop {w}."
    }

and its twins are *… because it was too tired* (x) and *… because it was too wide* (y).
A plain template has no ``flip``; it may have ``"adj": {"w": "x"}``: ``{w}`` is then any adjective that
describes the noun in slot x (``"adj": {"w": "x:group"}``: one of that group of ``predicates.json``).

Keys
    slots     name (one letter: x, y, z, ...) -> what the noun must be: features separated by spaces (all of
              them), ``a|b`` one of them, ``!a`` not, ``#id`` exactly this noun. Mass nouns (feature ``mass``)
              fill a slot only if it says ``mass`` or ``liquid`` or names the noun. No noun fills two slots.
    number    ``"sg"`` (default), ``"pl"`` or ``"both"``: the number of all slots but those in ``"single"``.
              ``"pl"`` makes *they* of ``{it}``.
    single    slots that stay singular whatever ``number`` says (``"single": "z"``).
    a         slots that take *a* / *un* rather than *the* / *le* (``"a": "x"``); ``"the/a": "xy"``: either.
    size      ``"x<y"`` or ``"x~y"`` (at most one step apart): typical physical sizes of two slots.
    flip      what makes the pronoun mean x, and what makes it mean y: a group of ``predicates.json`` or a list of
              predicates (an adjective's id, or ``{"en", "fr", "ko", "needs"}``). Drawn so that it fits the
              antecedent and does not fit the other noun.
    frame     true: the frame itself decides (*does not fit into*, *pour until full*), so the predicate may
              describe both nouns.
    gender    persons: ``{it}`` is *he* or *she*, and all person slots have that gender in French.

Text, all languages
    [word ]        there or not          (a|b|c)      one of these            both drawn once for both twins
    {s/p}          s with a singular pronoun, p with a plural one; {s/p:x} after the number of slot x
    {x}            the noun in slot x with its article (en, fr); {X} at a sentence's beginning; {-x} without article
    {w}            the predicate that flips (or the adjective of a plain template)
    {S}            somebody who acts: she, he, I, we, Mina ...; write {S} at any place, capitals come by themselves
                   {Sa/Sb/Sc:S} after I / she, he, Mina / we, as in ``{ai/a/avons:S}`` or ``{was/was/were:S}``
English
    write *did not*, *could not*, *it is*: the generator contracts some of them. {it} {its} {itself} = the pronoun
    that is labelled; {him} = it / them / him / her as an object.
French
    articles, elision (l', qu', d', j', n', s') and contractions (au, du, aux, des) come by themselves from
    ``à {x}``, ``de {x}``, ``que {il}``. {il} labelled subject pronoun; {le} labelled object pronoun (before a verb); {lui};
    ``{e}`` agrees with the antecedent (``tombé{e}``), ``{e:x}`` with slot x; ``{beau/belle/beaux/belles:x}``.
Korean
    {x은} noun and particle, the right form comes by itself (은 이 을 과 으로 이라 이나 아 ... or without);
    {그 x은} is the same as ``[그 ]{x은}``. {it은} {it이} {it을} {it} = 그것/그/그녀/그것들 with particle, sometimes 그건/그게/그걸.
    {w:었기} the predicate's stem with an ending. Endings are written as after a stem like *먹*: 었다 었기 어서 으면 을 은 는
    으니까 고 지 지만. Sentences end in -다 (plain style, past, 있다/없다, 이다, 겠다): 해요, 합니다 and 반말 are made from it.
    ``물·을``: · marks a morpheme boundary in a word that is not a slot.

``predicates.json``: group -> list of adjective ids or ``{"en": "broke", "fr": "s'est cassé{e}", "ko": "깨지다", "needs": "fragile"}``.
An adjective's ``w`` is the bare adjective (en: *tired*, fr: agreeing *fatigué(e)(s)*, ko: any ending); write the copula
(*was*, *était*) in the template.

From the lexicon the generator needs: nouns (id, en, en_plural, ko, fr, fr_gender m|f|mf, fr_plural, features; for persons with two
French forms ``mf`` and ``étudiant/étudiante`` in both French columns, ``médecin`` alone if the form does not change),
adjectives (id, en, ko in dictionary form, fr masculine singular, fr feminine singular, needs, opposite) and names
(en, ko, fr, gender m|f).
"""
