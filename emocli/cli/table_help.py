"""What the man pages say of tables: which columns they may have, and how they are read."""

from __future__ import annotations

from emocli.io import synonyms

ABOUT = """
A table (.csv, .tsv, .xlsx; packed with gzip too; on stdin with --input-format csv or tsv) has a
header. Commas, semicolons, tabs or bars separate its cells, as the header or a first line `sep=;`
says; where that is not clear --separator has to. Of a workbook the first sheet is read. A path is
relative to the folder of the table. `a.b` is the field b in the field a, such as label.votes.joy;
in a table without separating commas 12,5 is 12.5; what `predict --format csv` writes is read as a
prediction. Every other column becomes a field of its own.

A column is a field by its name, in any case, else by one of the names below, where blanks, `-` and
`_` do not matter. The name itself comes first; of two such names none is preferred: the command
ends, and `--column FIELD=COLUMN` has to say which one it is. `--column FIELD=` is for none.
"""


def names() -> dict[str, str]:
    """Return the names that a column of each field may have."""
    return synonyms.described()
