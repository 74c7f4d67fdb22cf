"""Mutated input through every command: `python -m tests.fuzz --minutes 10`.

    values.py        odd values, and changes of JSON values, text and bytes
    material.py      the whole models, corpora and files that are mutated; base.py finds them
    whole_records.py the whole records
    records.py       kind "records": the fields of records, and the lines they stand on
    bundles.py       kind "bundles": config.json and the weights of a trained model
    configs.py       kind "configs": train --config, and the config file of the command line
    files.py         kind "files": corpora, tables, texts, alignments, norms, the lists of a run
    stored.py        kind "stored": sounds, arrays of the store, journals, checkpoints, archives
    examples.py      what an example is, and how it is drawn
    running.py       runs an example in this process
    worker.py        runs examples in a process of their own, within limits
    pool.py          several workers
    promises.py      what has to hold afterwards

An example depends on the seed, its target and its number alone: `--seed S --only T --example K`
runs it again.
"""
