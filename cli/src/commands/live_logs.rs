//! `logs --live`: what a service says, as far as its instances have shipped it.

use super::logs::Logs;
use super::logs::{text_of, write};
use super::patience::Patience;
use super::{Context, now, say, say_json};
use crate::cloud::Log;
use crate::error::{Exit, Failure};
use crate::release::kept::{Lines, is_piece, together};
use crate::text::{Style, safe};
use pipeline::keep::KeeperRow;
use pipeline::names::{Component, Target, Ticket};
use pipeline::rows::{AliasRow, CandidateRow, Key};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

const LOCAL_POLL: Duration = Duration::from_millis(500);
/// An instance ships every four seconds at most: see `boot.sh`.
const POLL: Duration = Duration::from_secs(4);

/// An instance that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    id: String,
    release: String,
    /// What its log's keys begin with.
    prefix: String,
}

/// Prints what there is, and goes on if asked for.
pub async fn run(context: &Context, component: &Component, logs: &Logs) -> Result<Exit, Failure> {
    let target = match &logs.target {
        Some(target) => target.clone(),
        None => Target::new("stage")?,
    };
    if logs.follow && context.json {
        return Err(Failure::Usage(
            "--follow has no end, and --json prints one value: leave one of them out".into(),
        ));
    }
    let sources = live(context, &target, component).await?;
    let bucket = context.cloud.bucket().await?;
    let from = logs.since.map_or(0, |since| {
        now() - i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    });
    if logs.follow {
        return follow(context, &bucket, &target, component, sources, from).await;
    }
    let mut list = Vec::new();
    for source in &sources {
        let pieces = pieces(context, &bucket, source, None, from).await?;
        match context.json {
            true => list.push(as_json(context, &bucket, component, source, &pieces).await?),
            false => print(context, &bucket, source, &pieces).await?,
        }
    }
    if context.json {
        say_json(&list.into())?;
    }
    Ok(Exit::Good)
}

async fn live(
    context: &Context,
    target: &Target,
    component: &Component,
) -> Result<Vec<Source>, Failure> {
    let Some(row) = context.cloud.row(&Key::alias(target, component)).await? else {
        return Err(Failure::Usage(nothing(context, target, component).await?));
    };
    let alias: AliasRow = row.read()?;
    // Instances that a roll-back took over write where the release that launched them told them.
    let candidate = context
        .cloud
        .row(&Key::candidate(target, &alias.hostname))
        .await?;
    let candidate: Option<CandidateRow> = candidate.map(|row| row.read()).transpose()?;
    let launched = candidate.map_or(alias.ticket, |row| row.launched());
    let live = alias.instances.iter().map(|one| &one.id);
    let replaced = replaced(context, target, &alias).await?;
    let sources = replaced.iter().chain(live);
    Ok(sources
        .map(|id| source(id, target, launched, component))
        .collect())
}

/// What the keeper has replaced in the last hour: its last words say why.
async fn replaced(
    context: &Context,
    target: &Target,
    alias: &AliasRow,
) -> Result<Vec<String>, Failure> {
    let row = context.cloud.row(&Key::keeper(target)).await?;
    let notes: KeeperRow = row.map(|row| row.read()).transpose()?.unwrap_or_default();
    let launched = notes.launched.into_iter();
    let of_it = launched.filter(|one| one.hostname == alias.hostname);
    let mut ids: Vec<String> = of_it.map(|one| one.replaces).collect();
    ids.retain(|id| !alias.instances.iter().any(|one| one.id == *id));
    ids.dedup();
    Ok(ids)
}

fn source(id: &str, target: &Target, launched: Ticket, component: &Component) -> Source {
    let release = format!("{target}-r{}", launched.0);
    Source {
        id: id.to_owned(),
        prefix: format!("logs/{release}/{component}/instance-{id}"),
        release,
    }
}

async fn nothing(
    context: &Context,
    target: &Target,
    component: &Component,
) -> Result<String, Failure> {
    let rows = context
        .cloud
        .rows_of(&Key::target(target), "alias#")
        .await?;
    let names: Vec<&str> = rows.iter().map(|row| row.text("component")).collect();
    Ok(match names.is_empty() {
        true => format!("nothing is live on {target}"),
        false => format!(
            "no `{component}` is live on {target}; there are {}",
            names.join(", ")
        ),
    })
}

/// What an instance has shipped behind a piece that is known, since a time.
async fn pieces(
    context: &Context,
    bucket: &str,
    source: &Source,
    after: Option<&str>,
    from: i64,
) -> Result<Vec<Log>, Failure> {
    let objects = context.cloud.logs(bucket, &source.prefix, after).await?;
    let kept = together(objects).into_iter().flat_map(|one| one.pieces);
    Ok(kept.filter(|piece| piece.at >= from).collect())
}

async fn print(
    context: &Context,
    bucket: &str,
    source: &Source,
    pieces: &[Log],
) -> Result<(), Failure> {
    let title = format!("==> {}, launched by {} <==", source.id, source.release);
    say(&context.screen.colour.paint(Style::Strong, &title))?;
    match pieces.is_empty() {
        true => say("(nothing has arrived)"),
        false => write(context, bucket, pieces).await,
    }
}

async fn as_json(
    context: &Context,
    bucket: &str,
    component: &Component,
    source: &Source,
    pieces: &[Log],
) -> Result<Value, Failure> {
    Ok(json!({
        "component": component, "instance": source.id, "release": source.release,
        "text": text_of(context, bucket, pieces).await?,
    }))
}

/// How far the log of an instance is shown.
#[derive(Default)]
struct Shown {
    after: Option<String>,
    lines: Lines,
}

/// Until it is interrupted. Whatever goes live next is followed too.
async fn follow(
    context: &Context,
    bucket: &str,
    target: &Target,
    component: &Component,
    mut sources: Vec<Source>,
    from: i64,
) -> Result<Exit, Failure> {
    let pause = if context.cloud.is_local() {
        LOCAL_POLL
    } else {
        POLL
    };
    let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
    let mut patience = Patience::default();
    loop {
        let looked = more(context, bucket, &sources, &mut shown, from).await;
        patience.take(looked)?;
        tokio::select! {
            () = sleep(pause) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Good),
        }
        let Ok(now_live) = live(context, target, component).await else {
            continue;
        };
        if now_live != sources {
            let release = now_live.first().map_or("nobody", |one| &one.release);
            eprintln!("{component} on {target} is served by {release} now.");
            // What the former ones said last is still to come.
            more(context, bucket, &sources, &mut shown, from).await?;
            sources = now_live;
        }
    }
}

async fn more(
    context: &Context,
    bucket: &str,
    sources: &[Source],
    shown: &mut BTreeMap<String, Shown>,
    from: i64,
) -> Result<(), Failure> {
    for source in sources {
        let known = shown.entry(source.id.clone()).or_default();
        let found = pieces(context, bucket, source, known.after.as_deref(), from).await?;
        // The end of a log, which is overwritten, would come a second time with its pieces.
        for piece in found.into_iter().filter(|piece| is_piece(&piece.key)) {
            let text = context.cloud.log(bucket, &piece.key).await?.collect().await;
            let text = text.map_err(|error| Failure::Cloud {
                what: format!("{} arrived only in part: {error}", piece.key),
                next: "try again".into(),
            })?;
            for line in known.lines.take(&text.into_bytes()) {
                say(&line_of(&source.id, sources.len(), &line))?;
            }
            known.after = Some(piece.key);
        }
    }
    Ok(())
}

/// With several instances each line says whose it is.
fn line_of(id: &str, instances: usize, line: &str) -> String {
    match instances {
        0 | 1 => safe(line),
        _ => format!("{id} {}", safe(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_writes_where_the_release_that_launched_it_told_it() {
        let (target, api) = (
            Target::new("stage").unwrap(),
            Component::new("api").unwrap(),
        );
        let source = source("i-0a1", &target, Ticket(41), &api);
        assert_eq!(source.prefix, "logs/stage-r41/api/instance-i-0a1");
    }

    #[test]
    fn of_several_instances_each_line_says_whose_it_is() {
        assert_eq!(line_of("i-1", 1, "up\x1b[2J"), "up?[2J");
        assert_eq!(line_of("i-1", 2, "up"), "i-1 up");
    }
}
