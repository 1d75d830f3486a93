"""`wmenv judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

judge = App(name="judge", help="Judge clips.")


@judge.command(name="run")
def judge_run(
    run: Path,
    /,
    *,
    judger: str,
    out: Path | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    card: Path | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Score the kept clips of a run again, without generating, into a run folder of its own.

    For example: wmenv judge run runs/first --judger server:http://localhost:8000/v1 --max-requests 5000

    Args:
        run: Run folder whose clips are judged; evaluate with --keep-clips all to have them all.
        judger: Judger; see wmenv list judgers. Options of server:URL, such as key_env=VARIABLE, are in docs/judgers.md.
        out: New run folder; RUN-JUDGER by default.
        max_requests: Requests that a server:URL may get in all, resumptions included; what cannot be asked has failed.
        max_cost: What they may cost in all; needs server:URL,price_in=P,price_out=Q, prices of a million tokens.
        card: Card of the judger, written by wmenv judge exam: its key figures stand beside the scores, and it is kept
            in the new folder. A card of another judger is refused.
        resume: Go on with an interrupted rejudging.
        retry_failed: With --resume, judge again what could not be judged; answers that came are not asked for again.
    """
    from wmenv.cli.budget import within_budget
    from wmenv.cli.console import out as console
    from wmenv.cli.console import progress
    from wmenv.cli.evaluate import finish
    from wmenv.runs.rejudge import rejudge

    asked = within_budget(judger, max_requests, max_cost) or judger
    target = out or run.with_name(f"{run.name}-{judger.partition(':')[0]}")
    with progress() as show:
        results = rejudge(run, asked, target, resume=resume, retry_failed=retry_failed, card=card, progress=show)
    status = finish(results, target, True, console())
    if not results.complete:
        console().print("incomplete: only kept clips could be judged; evaluate with --keep-clips all for the rest")
    return status


@judge.command(name="pairs")
def judge_pairs(
    file: Path,
    /,
    *,
    scores: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    tie: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
) -> None:
    """Print how well judges agree with people on which of two clips is better, with numbers and 95 % intervals.

    For example: wmenv judge pairs pairs.json --scores critic.csv --scores RUN --tie 0.1 --tie fitted

    Three judges are always printed: people's own scores, and two that look at nothing. Pairs about which a judge says
    nothing are left out of its shares and show in their numbers. Intervals are bootstrapped over tasks.

    Args:
        file: Pairs of clips with people's scores, as WorldRewardBench publishes them (task_id, model_1, model_2,
            score_1, score_2, pair_type); .json, .jsonl or .csv.
        scores: What a judge says, repeatable: a run folder (agents are the models, case ids the tasks), MODEL=RUN of a
            run of one agent, MODEL=full_results.json of WorldReasonBench, or a .csv, .jsonl or .json of rows: task_id,
            model, score; or video_path, score; or task_id, model_1, model_2, verdict (A>B, B>A, A=B).
        tie: Difference of a judge's scores up to which it says tie, in its own unit, repeatable; fitted chooses it on
            the pairs of other tasks. 0.1 by default.
    """
    from wmenv.cli.pairs import print_pairs

    print_pairs(file, scores or [], tie or ["0.1"])


@judge.command(name="agree")
def judge_agree(run: Path, /, *, labels: Path, agent: str | None = None) -> int:
    """Print how well a run's judger agrees with labels, criterion by criterion, beside what always guessing gets.

    For example: wmenv judge agree runs/vlm --labels people.csv

    Agreement: accuracy, balanced accuracy, Cohen's kappa (of grades weighted by squares), Krippendorff's alpha. Scores:
    AUROC, Spearman, Kendall's tau-b, and of probabilities Brier and expected calibration error. Brackets are 95 %
    intervals, bootstrapped over cases. The exit status is 1 where the judger failed on a labelled clip.

    Args:
        run: Run folder whose judger is examined.
        labels: A .csv of labels (clip, criterion, annotator, value), lines of values (.jsonl: case_id, criterion,
            value), rows (video_path, dimension, question, target; .jsonl, .json or .csv), or another run folder with
            the same clips, whose scores are the labels.
        agent: Only this agent's clips.
    """
    from wmenv.cli.agreement import print_agreement

    return print_agreement(run, labels, agent)


@judge.command(name="calibrate")
def judge_calibrate(run: Path, /, *, labels: Path, out: Path, agent: str | None = None) -> None:
    """Fit temperatures to a run's judger by labelled clips; --judger calibrated:JUDGER,file=OUT then uses them.

    For example: wmenv judge calibrate runs/vlm --labels people.csv --out vlm-calibration.json

    A temperature divides the log-odds of a criterion so that its labels are likeliest; no decision and no rank changes.
    The file belongs to the judger of the run and is refused for any other. The columns "after" are on cases that the
    temperature was not fitted on: two halves, each scaled by the temperature of the other.

    Args:
        run: Run folder whose judger is calibrated.
        labels: As wmenv judge agree takes them; where a criterion has fewer than ten, it gets the temperature of all.
        out: The file to write.
        agent: Only this agent's clips.
    """
    from wmenv.cli.calibration import calibrate

    calibrate(run, labels, out, agent)


@judge.command(name="exam")
def judge_exam(
    judger: str,
    /,
    *,
    out: Path,
    env: str | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    cases: int | None = None,
    second: str | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="", consume_multiple=False)] = None,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Examine a judger and write its card: what it finds, what it flags in vain, and what makes it change its mind.

    For example: wmenv judge exam critic:critics/flat --quick --out cards/flat

    It is shown true clips, each with planted violations by criterion and size beside it, and lawful alternatives in
    scenes; clips that nobody may take for the true one (blank, static, shuffled, an answer to another case); the same
    clips again as mp4, moved by a pixel, asked in opposite wordings and with options in another order; and, where it
    has a gradient, clips that were changed along it by 4 of 255 levels at most.

    OUT/card.json and OUT/card.html have balanced accuracy, AUROC and calibration error by criterion and size, curves of
    what is found, flip rates and agreement, each with its number and 95 % interval. A stopped exam goes on when the
    same command is run again. The exit status is 1 where a verdict failed; the card tells why, and its coverage.

    Args:
        judger: Judger, such as physics, critic:DIR, vlm:DIR; see wmenv list judgers.
        out: Folder of the card and of all answers.
        env: Environment whose clips it is about: PhyWorld-LAW, or WorldModelBench for scenes; by default the one of the
            judger's world, in the form of clips that it was taught on.
        quick: A short exam, with wide intervals.
        cases: Number of cases instead of the usual.
        second: A second judger, asked about the same clips, with which agreement is measured.
        max_requests: Requests that a server:URL may get in all, resumptions included; what cannot be asked has failed.
        max_cost: What they may cost in all; needs server:URL,price_in=P,price_out=Q, prices of a million tokens.
        set_: Option of the environment as KEY=VALUE, repeatable, such as size=64; see wmenv show ENV.
        retry_failed: Judge again the cases in which a verdict failed.
    """
    from wmenv.cli.budget import within_budget
    from wmenv.cli.console import env_options
    from wmenv.cli.exam import examine

    return examine(
        within_budget(judger, max_requests, max_cost) or judger,
        out,
        env=env,
        quick=quick,
        cases=cases,
        second=second,
        options=env_options(set_ or []),
        retry_failed=retry_failed,
    )


@judge.command(name="compare")
def judge_compare(cards: list[Path], /, *, out: Path | None = None) -> None:
    """Put cards of judgers side by side.

    For example: wmenv judge compare cards/flat cards/deep --out flat-or-deep.html

    All must be of one exam: cards that were examined on different things are refused, with what differs.

    Args:
        cards: Cards that wmenv judge exam wrote, card.json or its folder, two or more.
        out: An HTML file to write as well.
    """
    from wmenv.cli.exam import compare

    compare(cards, out)


@judge.command(name="train")
def judge_train(
    *,
    on: Annotated[list[str], Parameter(negative="", consume_multiple=False)],
    out: Path,
    exam: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    criterion: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    base: str | None = None,
    hold_generator: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    hold_domain: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    hold_cases: float = 0.1,
    disguise: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    kind: Literal["auto", "flat", "deep", "windows"] = "auto",
    size: int = 64,
    window: int = 10,
    width: int = 32,
    steps: int = 2000,
    batch: int = 24,
    learning_rate: float | None = None,
    rank: int = 8,
    every: int = 200,
    patience: int = 4,
    alter: str = "noise",
    precision: Literal["float32", "bfloat16"] = "float32",
    seed: int = 0,
    minutes: float | None = None,
    permute: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Teach a judger by labelled clips: a small network from scratch, or LoRA on a vision-language model.

    For example: wmenv judge train --on planted:PhyWorld-uniform_motion --size 32 --out critics/discs

    The result judges: --judger critic:OUT, or with --base --judger vlm:OUT. What is held out is never taught: one half
    of it, by case, decides when to stop, and the exam on OUT/card.json is on the other half. An interrupted training
    goes on with --resume.

    Args:
        on: Where labelled clips come from, repeatable: planted:PhyWorld-LAW with options such as clips=3000; a folder
            of wmenv data violations; a run folder with kept clips, whose judger is the teacher; RUN=LABELS with
            people's labels of its clips; or rows of video_path, t2v_prompt, dimension, question, target (.csv, .jsonl,
            .json), whose targets are probabilities of yes.
        out: Folder of the judger; made if missing.
        exam: Labelled clips that are only examined on, as --on, repeatable; also in every disguise that is not taught.
        criterion: What to teach, repeatable, such as count; all criteria that a source labels by default.
        base: Folder or hub id of a vision-language model that LoRA is trained on; a small network by default.
        hold_generator: Generator to hold out, repeatable: an agent of a run, the folder of a row's clip, simulator, or
            a disguise.
        hold_domain: Domain to hold out, repeatable, such as animation.
        hold_cases: Share of the cases to hold out.
        disguise: Teach every clip once more as it looks from elsewhere, repeatable: blurred or re-encoded.
        kind: flat (all frames as channels), deep (3-D), or windows (a few frames at a time and the worst place decides;
            for clips of any length); auto takes windows where clips have more frames than a window and half as many
            again.
        size: Side of the picture that a network sees, a multiple of 16.
        window: Frames of a window.
        width: Channels of the layers are multiples of it, a multiple of 16.
        steps: Optimiser steps at most.
        batch: Clips a step, or windows of clips; a multiple of 3.
        learning_rate: Peak learning rate of AdamW; 0.002 for a network, 0.005 for LoRA.
        rank: Of LoRA.
        every: Steps from one look at held clips to the next; a crash loses as many.
        patience: Looks without a better one after which the training ends.
        alter: What is done to training clips of a network, joined by commas: mirror, hues, noise; or none.
        precision: Of the passes of a network.
        seed: Decides weights, batches and what is done to pictures.
        minutes: Stop for now after this time; --resume goes on.
        permute: Deal the targets out at random: a control that must stay at chance.
        resume: Go on with the training in OUT.
    """
    from wmenv.cli.teaching import Asked, teach

    asked = Asked(
        on=tuple(on),
        out=out,
        exams=tuple(exam or ()),
        criteria=tuple(criterion or ()),
        base=base,
        hold_generators=tuple(hold_generator or ()),
        hold_domains=tuple(hold_domain or ()),
        hold_cases=hold_cases,
        disguises=tuple(disguise or ()),
        kind=kind,
        size=size,
        window=window,
        width=width,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        rank=rank,
        every=every,
        patience=patience,
        alter=alter,
        precision=precision,
        seed=seed,
        minutes=minutes,
        permute=permute,
        resume=resume,
    )
    teach(asked)


@judge.command(name="rows")
def judge_rows(source: str, /, *, out: Path) -> None:
    """Write labelled clips as rows of video_path, t2v_prompt, dimension, question, target: what others train on.

    For example: wmenv judge rows runs/vlm --out rows.jsonl

    Targets are probabilities of yes, and yes is the good answer of every question.

    Args:
        source: As --on of wmenv judge train.
        out: The .jsonl to write; paths of videos are relative to its folder.
    """
    from wmenv.cli.console import out as console
    from wmenv.studies.teaching.rows import export
    from wmenv.studies.teaching.sources import items_of

    console().print(f"{export(items_of(source), out)} rows: {out}", soft_wrap=True)
