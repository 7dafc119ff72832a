//! Rows that say what is live, and what becomes of what is not.

use crate::{AT_ONCE, Drive};
use futures::{StreamExt, TryStreamExt, stream};
use pipeline::drivers::{Answer, Mark};
use pipeline::errors::Fault;
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{AliasRow, CandidateRow};
use registry::RegistryError;
use std::time::Duration;

impl Drive {
    pub(crate) async fn record_aliases(
        &self,
        target: &Target,
        rows: &[AliasRow],
    ) -> Result<Answer, Fault> {
        let record = async |row: &AliasRow| -> Result<(), RegistryError> {
            if !self.registry.record_alias(target, row).await? {
                let component = row.component.as_str();
                tracing::info!(component, "a later release has recorded itself already");
            }
            Ok(())
        };
        let writes = stream::iter(rows).map(record).buffer_unordered(AT_ONCE);
        let () = writes.try_collect().await?;
        Ok(Answer::Done)
    }

    pub(crate) async fn keep_connected(
        &self,
        target: &Target,
        by: Ticket,
        all: &[(Fqdn, Duration)],
    ) -> Result<Answer, Fault> {
        let write = async |(at, drain): &(Fqdn, Duration)| {
            let until = aws::after(*drain);
            self.registry.keep_connected(target, at, by, &until).await
        };
        let writes = stream::iter(all).map(write).buffer_unordered(AT_ONCE);
        let kept: Vec<bool> = writes.try_collect().await?;
        tracing::info!(?kept, "keeps what may have connections");
        Ok(Answer::Done)
    }

    pub(crate) async fn confirm(
        &self,
        target: &Target,
        by: Ticket,
        all: Vec<(Fqdn, Ticket)>,
    ) -> Result<Answer, Fault> {
        let write = async |(at, of): (Fqdn, Ticket)| -> Result<Option<Fqdn>, RegistryError> {
            let noted = self.registry.confirm(target, &at, of, by).await?;
            Ok(noted.then_some(at))
        };
        let writes = stream::iter(all).map(write).buffer_unordered(AT_ONCE);
        let noted: Vec<Option<Fqdn>> = writes.try_collect().await?;
        Ok(Answer::Moved(noted.into_iter().flatten().collect()))
    }

    pub(crate) async fn move_on(&self, target: &Target, marks: Vec<Mark>) -> Result<Answer, Fault> {
        let write = async |mark: Mark| -> Result<Option<Fqdn>, RegistryError> {
            let at = mark.hostname;
            let moved = self
                .registry
                .set_candidate(target, &at, mark.ticket, mark.state);
            let moved = moved.await?;
            if !moved {
                tracing::info!(
                    hostname = at.as_str(),
                    "another release has it, or it is gone"
                );
            }
            Ok(moved.then_some(at))
        };
        let writes = stream::iter(marks).map(write).buffer_unordered(AT_ONCE);
        let moved: Vec<Option<Fqdn>> = writes.try_collect().await?;
        Ok(Answer::Moved(moved.into_iter().flatten().collect()))
    }

    pub(crate) async fn give_back(
        &self,
        target: &Target,
        ticket: Ticket,
        rows: &[CandidateRow],
    ) -> Result<Answer, Fault> {
        let write = |row| self.registry.give_back(target, ticket, row);
        let writes = stream::iter(rows).map(write).buffer_unordered(AT_ONCE);
        let given: Vec<bool> = writes.try_collect().await?;
        tracing::info!(?given, "gave back what it took over");
        Ok(Answer::Done)
    }
}
