//! What the commands of a release print while they run: parts in the bucket of those in functions, streams
//! of CodeBuild's log of those in containers, and at last the logs themselves.

use super::Context;
use crate::cloud::Log;
use crate::error::Failure;
use crate::release::kept::{Kept, Lines, together};
use crate::release::stages::{folders, leaves_a_log};
use pipeline::running::{self, PREFIX};
use std::collections::BTreeMap;

/// Of a log that was not followed so many lines are shown: with `--follow` those of one command, all of it.
const LINES: usize = 200;
/// CloudWatch may tell of a line after a later one.
const LATE: i64 = 10_000;
/// What CodeBuild itself says around a command.
const OF_CODEBUILD: &str = "[Container] ";

/// A line of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose command.
    pub component: String,
    /// `unit-tests`, `build`, `suite-smoke`
    pub stage: String,
    /// What it printed.
    pub line: String,
}

/// Which commands.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Of this component only.
    pub component: Option<String>,
    /// Of this stage only, by its log's name.
    pub stage: Option<String>,
}

impl Which {
    /// As they can be typed: a stage by its folder, a suite by its own name too.
    ///
    /// # Errors
    /// A stage that runs no command.
    pub fn typed(component: Option<String>, stage: Option<&str>) -> Result<Self, Failure> {
        let stage = match stage {
            None | Some(ALL_SUITES) => stage.map(str::to_owned),
            Some("deploy-initial") => {
                let why = "instances are followed with `cutover logs --live COMPONENT --follow`";
                return Err(Failure::Usage(why.into()));
            }
            Some(stage) if leaves_a_log(stage) || stage.starts_with(SUITE) => {
                Some(stage.to_owned())
            }
            Some(stage) if folders().contains(&stage) => {
                let why =
                    format!("the stage {stage} runs no command, so there is nothing to follow");
                return Err(Failure::Usage(why));
            }
            Some(suite) => Some(format!("{SUITE}{suite}")),
        };
        Ok(Self { component, stage })
    }

    fn has(&self, component: &str, stage: &str) -> bool {
        let of = self.component.as_deref();
        let is = match self.stage.as_deref() {
            Some(ALL_SUITES) => stage.starts_with(SUITE),
            Some(wanted) => wanted == stage,
            None => !stage.starts_with("instance-"),
        };
        is && of.is_none_or(|wanted| wanted == component)
    }

    /// One command, and no other.
    pub fn is_one(&self) -> bool {
        let suites = self.stage.as_deref() == Some(ALL_SUITES);
        self.component.is_some() && self.stage.is_some() && !suites
    }
}

const ALL_SUITES: &str = "integration-tests";
const SUITE: &str = "suite-";

/// How far the outputs of a release are shown.
pub struct Outputs {
    bucket: String,
    release: String,
    which: Which,
    since: i64,
    seen: BTreeMap<String, i64>,
    commands: BTreeMap<(String, String), Shown>,
}

/// How far that of one command is.
#[derive(Default)]
struct Shown {
    after: String,
    lines: Lines,
    last: String,
    any: bool,
    has_ended: bool,
}

impl Outputs {
    /// Of the release with this label, since a time.
    pub fn new(bucket: String, release: String, which: Which, since: i64) -> Self {
        Self {
            bucket,
            release,
            which,
            since,
            seen: BTreeMap::new(),
            commands: BTreeMap::new(),
        }
    }

    /// Whether the one command that was asked for has ended.
    pub fn has_ended(&self) -> bool {
        self.which.is_one() && self.commands.values().any(|shown| shown.has_ended)
    }

    /// Whether anything was there to show.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// What is new.
    pub async fn more(&mut self, context: &Context) -> Result<Vec<Said>, Failure> {
        // First of all, so that what was printed before its end is looked for after it.
        let prefix = format!("logs/{}/", self.release);
        let ended = together(context.cloud.logs(&self.bucket, &prefix, None).await?);
        let mut said = self.of_functions(context).await?;
        said.extend(self.of_containers(context).await?);
        for log in ended {
            if self.which.has(&log.component, &log.name) {
                said.extend(self.at_its_end(context, log).await?);
            }
        }
        Ok(said)
    }

    async fn of_functions(&mut self, context: &Context) -> Result<Vec<Said>, Failure> {
        let (prefix, after) = self.where_parts_are();
        let mut said = Vec::new();
        for part in context
            .cloud
            .logs(&self.bucket, &prefix, after.as_deref())
            .await?
        {
            let Some((component, stage)) = running::of(&part.key) else {
                continue;
            };
            let (component, stage) = (component.to_owned(), stage.to_owned());
            let shown = self.commands.get(&(component.clone(), stage.clone()));
            let is_new = shown.is_none_or(|shown| part.key > shown.after);
            if self.which.has(&component, &stage) && is_new {
                let bytes = bytes_of(context, &self.bucket, &part).await?;
                let shown = self.shown(&component, &stage);
                shown.after = part.key;
                let lines = shown.lines.take(&bytes);
                said.extend(shown.tell(&component, &stage, lines));
            }
        }
        Ok(said)
    }

    /// Of one command only those behind the last.
    fn where_parts_are(&self) -> (String, Option<String>) {
        let Self { release, which, .. } = self;
        match (&which.component, &which.stage) {
            (Some(component), Some(stage)) if which.is_one() => {
                let shown = self.commands.get(&(component.clone(), stage.clone()));
                let after = shown.map(|shown| shown.after.clone());
                let folder = format!("{PREFIX}{release}/{component}/{stage}/");
                (folder, after.filter(|after| !after.is_empty()))
            }
            (Some(component), _) => (format!("{PREFIX}{release}/{component}/"), None),
            _ => (format!("{PREFIX}{release}/"), None),
        }
    }

    async fn of_containers(&mut self, context: &Context) -> Result<Vec<Said>, Failure> {
        let prefix = format!("{}/", self.release);
        let lines = context.cloud.container_lines(&prefix, self.since).await?;
        let mut said = Vec::new();
        for one in lines {
            let at = one.line.at;
            if self.seen.insert(one.id, at).is_some() {
                continue;
            }
            self.since = self.since.max(at - LATE);
            let line = one.line.text.trim_end().to_owned();
            let Some((component, stage)) = running::of(&one.stream) else {
                continue;
            };
            if self.which.has(component, stage) && !line.starts_with(OF_CODEBUILD) {
                said.extend(
                    self.shown(component, stage)
                        .tell(component, stage, vec![line]),
                );
            }
        }
        let since = self.since;
        self.seen.retain(|_, at| *at >= since);
        Ok(said)
    }

    /// The whole log where nothing of it was shown; else what is said of its end.
    async fn at_its_end(&mut self, context: &Context, log: Kept) -> Result<Vec<Said>, Failure> {
        let Kept {
            component,
            name,
            pieces,
        } = log;
        let all = self.which.is_one();
        let bucket = self.bucket.clone();
        let shown = self.shown(&component, &name);
        if std::mem::replace(&mut shown.has_ended, true) {
            return Ok(Vec::new());
        }
        let mut lines: Vec<String> = shown.lines.end().into_iter().collect();
        let mut text = Lines::default();
        let mut log = Vec::new();
        for piece in &pieces {
            log.extend(text.take(&bytes_of(context, &bucket, piece).await?));
        }
        log.extend(text.end());
        if shown.any {
            let is_said = |line: &String| line.starts_with("[cutover: ") && *line != shown.last;
            lines.extend(log.pop().filter(is_said));
        } else {
            let most = if all { usize::MAX } else { LINES };
            lines.extend(shortened(log, most));
        }
        Ok(shown.tell(&component, &name, lines))
    }

    fn shown(&mut self, component: &str, stage: &str) -> &mut Shown {
        let of = (component.to_owned(), stage.to_owned());
        self.commands.entry(of).or_default()
    }
}

impl Shown {
    fn tell(&mut self, component: &str, stage: &str, lines: Vec<String>) -> Vec<Said> {
        self.any = true;
        if let Some(last) = lines.last() {
            self.last.clone_from(last);
        }
        let said = |line| Said {
            component: component.to_owned(),
            stage: stage.to_owned(),
            line,
        };
        lines.into_iter().map(said).collect()
    }
}

/// Its end, where it has more than `most` lines.
fn shortened(mut lines: Vec<String>, most: usize) -> Vec<String> {
    let over = lines.len().saturating_sub(most);
    if over > 0 {
        lines.drain(..over);
        lines.insert(0, format!("[{over} lines before are in the log]"));
    }
    lines
}

async fn bytes_of(context: &Context, bucket: &str, object: &Log) -> Result<Vec<u8>, Failure> {
    let body = context.cloud.log(bucket, &object.key).await?;
    let all = body.collect().await.map_err(|error| Failure::Cloud {
        what: format!("{} arrived only in part: {error}", object.key),
        next: "try again".into(),
    })?;
    Ok(all.into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_command_only_the_parts_behind_the_last_are_listed() {
        let which = Which {
            component: Some("api".into()),
            stage: Some("build".into()),
        };
        let mut outputs = Outputs::new("b".into(), "stage-r7".into(), which, 0);
        let folder = "running/stage-r7/api/build/".to_owned();
        assert_eq!(outputs.where_parts_are(), (folder.clone(), None));
        outputs.shown("api", "build").after = format!("{folder}1-000001");
        let (_, after) = outputs.where_parts_are();
        assert_eq!(after.unwrap(), format!("{folder}1-000001"));
    }

    #[test]
    fn a_log_that_was_not_followed_is_shown_by_its_end() {
        let lines = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(shortened(lines(3), 3), ["0", "1", "2"]);
        let cut = shortened(lines(5), 2);
        assert_eq!(cut, ["[3 lines before are in the log]", "3", "4"]);
    }

    #[test]
    fn a_stage_is_typed_by_its_folder_and_a_suite_by_its_name() {
        let which = |stage| Which::typed(Some("api".into()), stage).map_err(|e| e.to_string());
        let all = which(None).unwrap();
        assert!(all.has("api", "build") && !all.has("api", "instance-i-0a1") && !all.is_one());
        for typed in ["smoke", "suite-smoke"] {
            let suite = which(Some(typed)).unwrap();
            assert!(suite.has("api", "suite-smoke") && !suite.has("api", "build"));
            assert!(suite.is_one() && !suite.has("ui", "suite-smoke"));
        }
        let suites = which(Some("integration-tests")).unwrap();
        assert!(suites.has("api", "suite-soak") && !suites.is_one());
        let refused = which(Some("deploy-initial")).unwrap_err();
        assert!(refused.contains("--live"), "{refused}");
        let refused = which(Some("cutover")).unwrap_err();
        assert!(refused.contains("runs no command"), "{refused}");
    }
}
