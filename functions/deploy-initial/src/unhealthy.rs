//! Why a candidate did not become healthy: with the last lines of its own log, and where that is.

use crate::Deployer;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::release_label;
use pipeline::wire::{DeployRequest, Instance};
use std::time::{Duration, Instant};

/// For the log of an instance that does not become healthy; see `boot.sh` for when it is shipped.
const LOG_DEADLINE: Duration = Duration::from_secs(20);
/// Lines of a log that a cause quotes.
const LINES: usize = 4;
/// Characters of such a line: what enters a state is short.
const LINE: usize = 300;

impl Deployer {
    pub(crate) async fn unhealthy(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
        why: &str,
    ) -> Fault {
        let log = match self.log_of_any(request, instances).await {
            Ok((url, Some(text))) => format!(", saying: {}; log: {url}", last_lines(&text)),
            Ok((url, None)) => format!("; the instance shipped no log to {url}"),
            // It only explains; a failure to read it must not hide the failure itself.
            Err(error) => format!("; its log could not be looked for: {error}"),
        };
        let planned = &request.item.planned;
        let (component, commit) = (&planned.component, planned.commit.short());
        let text = format!("{component} at {commit}: {why}{log}");
        Fault::new(ErrorName::NotHealthy, text)
    }

    /// An instance ships its log a few seconds after its start, and the failure is better told
    /// with it than without.
    async fn log_of_any(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
    ) -> Result<(String, Option<String>), Fault> {
        let deadline = Instant::now() + LOG_DEADLINE;
        let label = release_label(&request.release.target, self.launched(request).await?);
        let component = &request.item.planned.component;
        let key = |id: &str| format!("logs/{label}/{component}/instance-{id}.log");
        loop {
            // One after the other: the first log that is there is enough.
            for instance in instances {
                let key = key(&instance.id);
                if let Ok(Some(text)) = self.store.get_text(&key, 1 << 20).await {
                    return Ok((self.store.url(&key), Some(text)));
                }
            }
            if Instant::now() >= deadline {
                let first = instances.first().map(|one| one.id.as_str());
                return Ok((self.store.url(&key(first.unwrap_or_default())), None));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(cut)
        .collect();
    lines[lines.len().saturating_sub(LINES)..].join(" / ")
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_quotes_the_last_lines_and_little_of_each() {
        assert_eq!(last_lines("a\n\nb\nc\nd\ne\n"), "b / c / d / e");
        let long = "é".repeat(1 << 20);
        assert_eq!(last_lines(&long), format!("{}…", "é".repeat(LINE)));
    }
}
