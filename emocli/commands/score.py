"""Score predictions of any kind against labels, with confidence intervals."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options, scores
from emocli.scoring.options import ScoreOptions

TASKS = "auto|classification|distribution|blend|regression|multilabel|mosi|sims|ecf"
TASKS += "|mmeverse|explanation"

TaskName = Annotated[str, typer.Option("--task", metavar=TASKS, help="What to score.")]
By = Annotated[
    str | None,
    typer.Option(metavar="FIELD,...", help="A line per value of a field, modalities, ambiguity."),
]
Min = Annotated[
    list[str] | None,
    typer.Option("--min", metavar="METRIC=X", help="Exit 6 if METRIC is below X; repeatable."),
]
Max = Annotated[
    list[str] | None,
    typer.Option("--max", metavar="METRIC=X", help="Exit 6 if METRIC is above X; repeatable."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD|none",
        help="Resample by FIELD (default: speaker, else dialogue, else the record).",
        show_default=False,
    ),
]
Bootstrap = Annotated[int, typer.Option(metavar="N", min=0, help="Resamples for the intervals.")]
Stream = Annotated[
    str | None, typer.Option(metavar="NAME", help="Score unimodal.NAME, not prediction.")
]
Labels = Annotated[str, typer.Option(metavar="present|all", help="Labels that count in macro F1.")]
Restrict = Annotated[
    str | None, typer.Option(metavar="present", help="Predict only labels that the truth has.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the resampling.")]
Compare = Annotated[
    str | None, typer.Option(metavar="FILE", help="Test the difference from FILE's predictions.")
]
Train = Annotated[
    str | None, typer.Option(metavar="FILE", help="Warn of speakers, stimuli ... shared with FILE.")
]
Alignment = Annotated[
    bool, typer.Option("--alignment", help="Compare annotations with people's votes.")
]
Threshold = Annotated[
    float,
    typer.Option(metavar="P", min=0, max=1, help="For --task multilabel: predict labels from P."),
]
JudgeCommand = Annotated[
    str | None,
    typer.Option("--judge", metavar="CMD", help="For --task explanation: ask this command."),
]
KINDS = "json|table|latex|csv|tsv"
Format = Annotated[
    str | None, typer.Option("--format", metavar=KINDS, help="Output, on a terminal or not.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON even on a terminal.")]
Table = Annotated[bool, typer.Option("--table", help="Write a table even in a pipe.")]
Latex = Annotated[bool, typer.Option("--latex", help="Write a LaTeX table (booktabs).")]


@options.filter(without=("resume", "max_errors", "fail_fast"))
def command(
    run: options.Run,
    task: TaskName = "auto",
    by: By = None,
    minimum: Min = None,
    maximum: Max = None,
    cluster: Cluster = None,
    bootstrap: Bootstrap = 1000,
    compare: Compare = None,
    train: Train = None,
    stream: Stream = None,
    labels: Labels = "present",
    restrict: Restrict = None,
    threshold: Threshold = 0.5,
    judge: JudgeCommand = None,
    alignment: Alignment = False,
    seed: Seed = 0,
    form: Format = None,
    json: Json = False,
    table: Table = False,
    latex: Latex = False,
) -> int:
    """Score predictions of any kind against labels, with confidence intervals.

    Reads label and prediction (or unimodal.NAME). Writes one metrics record, or one per value of
    each field of --by; nothing when a line of the input is malformed. Buffers numbers, not records.

    Without --task it is inferred from the first 256 records. The metrics of each task, also for
    --min and --max:

    classification (label.emotion): accuracy, uar, uar_predicted, weighted_f1, macro_f1, log_loss,
    brier, ece, adaptive_ece (15 bins of equal width, or with equal numbers of records). Labels that
    occur in neither truth nor predictions are left out of macro F1 (--labels all counts them as 0).
    Labels that do not occur in the truth are left out of uar, as in scikit-learn's
    balanced_accuracy_score; uar_predicted counts those that are predicted as recall 0, as other
    tools do (.25 where uar is .5, if half of the records of a single class are taken for another).
    `risk_coverage` lists what predict --abstain would do: answering where the confidence is at
    least so much answers this share of the records (coverage), of which this share is wrong (risk);
    aurc is the area under risk by coverage.

    distribution (label.distribution; label.votes where there is none, or where machines voted):
    bhattacharyya, jsd_bits, jsd_nats, js_distance, r2_per_record, r2_per_emotion, kl, cosine,
    soft_accuracy, and the metrics of classification against the label with the largest share, the
    first in label order where several are equal; `tied` counts these records.

    blend (label.blend, per cent): presence, salience, blend_score, as in BLEMORE. An emotion
    predicted without a blend counts as 100 per cent of it.

    regression (label.valence, arousal, dominance, sentiment): valence.ccc, .pearson, .mae, .rmse
    and so on, and ccc, the mean over the targets. The ccc of a single record is undefined; if truth
    and prediction differ, it is 0 by its formula, and this is reported. mosi, sims
    (label.sentiment): the metrics of MMSA.

    multilabel (label.multi; prediction.multi, else probabilities of at least --threshold):
    micro_f1, macro_f1, samples_f1, jaccard, exact_match, map.

    ecf (label.causes and prediction.causes, lists of {turn, text}, {turn, start, end} in words, or
    {turn}; `emotion` in each, or that of the record): strict., proportional., utterances. (subtask
    2) with weighted_f1, weighted_precision, weighted_recall and the same with micro_.

    mmeverse (label and prediction of each record by the sets of its corpus: `corpus`, else
    `dataset`, and `split`): SET.hit_rate (mer2023, mer2024, meld-e, iemocap), SET.weighted_f1 and
    .accuracy by exact match (caer, e3, dfew, mafw, mc-eiu, meld-s, mc-eiu-i; without neutral mosi,
    mosei, sims, sims-v2), SET.micro_f1, .samples_f1, .jaccard and .map (mafw-m, bold), ov-merd.f1,
    .precision and .recall; mer_unibench and mmeverse_bench, the means over the first figure of nine
    and of all eighteen sets, or of those that are there, which `averaged` lists. An answer is
    prediction.emotion, .polarity, .intent or .multi; prediction.emotion stands for the others where
    instruction.task asks for them, or the corpus has one set. Answers outside of the labels of a
    set are wrong, and counted in `sets`. Hits are looked up on four wheels of ours, not the
    published five, so such figures compare with each other only.

    explanation (prediction.explanation, and prosody.levels): cited_true is the share of the cited
    levels that were measured so, all_true that of the records that cite some and nothing false;
    covered and covered_vowels are the shares of the levels of utterance and vowels, other than
    moderate, that are cited; cited the mean number of cited levels, cited_3 the share of records
    with three; well_formed the share whose answer could be read. label_agreement: of the
    explanations that name a feeling, those that name that of the answer. hit_rate, wheel_precision,
    wheel_recall and wheel_f1 compare answer and label (their `multi`, else emotion) by the sectors
    of four emotion wheels, and leave out labels that are in none, as neutral is. judge is the mean
    of what --judge answers: a command that reads a record per line and writes a number per line,
    flushed; it is started without a shell, and sees the label.

    Records with an upstream error, without a label, or on which the model abstained are not scored:
    `skipped` counts them, and `coverage` is the share of labelled records that was scored. An
    invalid label or prediction ("joy" or 3 in place of {"emotion": "joy"}, an unknown emotion, a
    negative share, saliences that do not sum to 100, other classes than in the model's other
    predictions, no prediction) is reported with its record and counted as `failed`, and the exit
    status is 1. A predicted emotion is known if it is one of the seven, in any label, or a class of
    probabilities beside a known one. A duplicate id is an error.

    Intervals are 95 % percentile intervals of a bootstrap over clusters; `resampled` names the
    clusters. --compare resamples both files alike. --by modalities groups by `condition`, else by
    prediction.modalities; --by ambiguity splits the records into thirds by the entropy of their
    votes (n // 3 low, n // 3 middle, the rest high). --alignment does not score predictions: it
    compares `annotations` with votes, by their number, by source, by ambiguity. Undefined values
    are null.

    Where a `stimulus` repeats across speakers, `control` stands beside every figure: the same
    metric of what the other speakers' records of the stimulus say, without any signal: their most
    frequent label (of tied ones, and for the records in `alone` whose stimulus nobody else had, the
    one most frequent in all their records, then the first); for numbers and distributions the mean.
    Stimuli and trials on both sides of a split (train and other, --train FILE and the input, folds
    of train --cv) are reported, and counted in `shared`.

    --format csv and tsv, or such a suffix of --output, write a row per metrics record: by and group
    of --by, the counts, and each figure F with F_low and F_high, its interval; with a control also
    F_control, F_control_low and F_control_high; with --compare F_other, F_difference and F_p.

    Example:

        emocli predict clips.jsonl | emocli score --by dataset,ambiguity --min uar=0.6
    """
    score_options = ScoreOptions(
        task=task,
        by=by,
        minimum=minimum,
        maximum=maximum,
        cluster=cluster,
        bootstrap=bootstrap,
        compare=compare,
        train=train,
        stream=stream,
        labels=labels,
        restrict=restrict,
        threshold=threshold,
        seed=seed,
        judge=judge,
    )
    flags = {"json": json, "table": table, "latex": latex, **({form: True} if form else {})}
    chosen = scores.form(run, {name for name, given in flags.items() if given})
    return (scores.alignment if alignment else scores.predictions)(run, score_options, chosen)
