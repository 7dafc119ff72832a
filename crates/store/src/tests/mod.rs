//! What S3 says, and what it is asked: one recorded exchange per outcome.

mod made;
mod objects;
mod opened;
mod publishing;
mod slow;
mod sweeping;

use crate::{Store, StoreError};
use aws::CallKind;
use replay::{Answer, Replay};

fn store(replay: &Replay) -> Store {
    Store::new(&replay.config(), "bucket")
}

fn ok(body: &str) -> Answer {
    (200, body).into()
}

fn refusal(status: u16, code: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>m</Message><RequestId>r</RequestId></Error>"
    );
    (status, body).into()
}

/// How a call failed.
fn kind<T: std::fmt::Debug>(sent: Result<T, StoreError>) -> CallKind {
    match sent.unwrap_err() {
        StoreError::Call(error) => error.kind,
        other => panic!("{other}"),
    }
}
