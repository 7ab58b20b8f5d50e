//! Reads what is kept for the user of a connection, and hands it to the connection before what is queued.
//!
//! While the outbox of the connection is [held](crate::router::Outbox::hold), the connection reads the inbox of its user in
//! rounds: a round is what is behind the last place at one moment. It begins with `BACKLOG`, and its messages follow in pages.
//! When a round finds nothing, the outbox is released. Why this misses nothing is described in `router/holds.rs`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use callie_core::server::{PayloadKey, PayloadKeys};
use callie_core::{Notice, Recipient, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::base::clock;
use crate::base::ids::envelope_ids;
use crate::cache::Keeper;
use crate::router::{Item, KeptEnd, KeptItem, KeptReceipt, Link, Receipt};
use crate::store::{Backlog as Round, KeptMessage, StoreError};

/// How often the store is read again before the connection is closed because the database does not answer.
const ATTEMPTS: u32 = 5;
/// The pause between two attempts.
const RETRY: Duration = Duration::from_secs(1);

/// A part of the inbox, as it was read.
struct Page {
    round: Option<Round>,
    messages: Vec<KeptMessage>,
}

type Read = Pin<Box<dyn Future<Output = Result<Page, StoreError>> + Send>>;

/// What is kept for the user of a connection, as far as it is not written.
pub(super) struct Backlog {
    keeper: Arc<Keeper>,
    keys: PayloadKeys,
    link: Arc<Link>,
    /// The place of the last message that was handed out.
    last: i64,
    /// The round that is being read, and the number of times the outbox was held when it began.
    round: Option<Round>,
    holds: u32,
    read: Option<Read>,
    /// Messages that were written to a client that does not confirm them, and are not flushed yet.
    unflushed: Vec<KeptItem>,
}

impl Backlog {
    /// Prepares to read the inbox of the user of `link`.
    pub(super) fn new(keeper: Arc<Keeper>, keys: PayloadKeys, link: Arc<Link>) -> Self {
        Self { keeper, keys, link, last: 0, round: None, holds: 0, read: None, unflushed: Vec::new() }
    }

    /// Fills `batch`, which must be empty, with what comes next. Leaves it empty if nothing is to be written before the
    /// outbox; pending while the store is read.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer for several seconds.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut VecDeque<Item>,
    ) -> Poll<Result<(), StoreError>> {
        loop {
            // Also while a page is being read: a hold that the reader has not seen would keep its task from waiting.
            let held = self.link.outbox.held();
            if self.read.is_none() {
                let Some(holds) = held else { return Poll::Ready(Ok(())) };
                if self.round.is_none() {
                    self.holds = holds;
                }
                self.read = Some(self.next_page());
            }
            let Some(read) = &mut self.read else { return Poll::Ready(Ok(())) };
            let page = std::task::ready!(read.as_mut().poll(cx));
            self.read = None;
            let Page { round, messages } = page?;
            let Some(round) = round else {
                self.link.outbox.release(self.holds);
                continue;
            };
            if self.round.is_none() && round.welcome > 0 && self.link.has_offline() {
                batch.push_back(item(self.notice(&round), None));
            }
            self.round = Some(round);
            // A message may have gone since the round began.
            let is_last = messages.last().is_none_or(|message| message.place >= round.until);
            for message in messages {
                self.last = message.place;
                batch.extend(self.hand_out(message));
            }
            if is_last {
                self.last = round.until;
                self.round = None;
            }
            if !batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads the next page of the round, or the first page of the next round.
    fn next_page(&self) -> Read {
        let (keeper, user, last) = (self.keeper.clone(), self.link.user.clone(), self.last);
        let round = self.round;
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                match read(&keeper, &user, last, round).await {
                    Err(error) if attempt < ATTEMPTS => {
                        tracing::warn!(%error, "cannot read kept messages; trying again");
                        attempt += 1;
                        tokio::time::sleep(RETRY).await;
                    }
                    read => return read,
                }
            }
        })
    }

    fn notice(&self, round: &Round) -> Utf8Bytes {
        let notice = Notice::backlog(round.welcome, clock::timestamp(round.oldest));
        Utf8Bytes::from(notice.to_payload(Recipient::User(self.link.user.clone()), envelope_ids()).encode())
    }

    fn hand_out(&self, message: KeptMessage) -> Option<Item> {
        let KeptMessage { place, sender, payload_id, message_id, text, is_welcome } = message;
        let key = self.keys.key(sender.as_str(), payload_id.as_str());
        let item_of = KeptItem { recipient: self.link.user.clone(), place, sender, payload_id, message_id };
        if !is_welcome {
            self.keeper.ended.add(item_of, KeptEnd::Unwelcome);
            return None;
        }
        Some(item(Utf8Bytes::from(text), Some(self.receipt(key, item_of))))
    }

    /// Creates the receipt of a message.
    pub(super) fn receipt(&self, key: PayloadKey, item: KeptItem) -> Receipt {
        let end = if self.link.has_offline() { KeptEnd::Confirmed } else { KeptEnd::ConfirmedAfterwards };
        Receipt::Kept(KeptReceipt::new(key, item, end, self.keeper.ended.clone()))
    }

    /// Returns the place of the last message that was handed out.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Continues after the message at `place`.
    pub(super) fn skip_to(&mut self, place: i64) {
        self.last = place;
    }

    /// Notes that a message of the inbox was written to a client that does not confirm it.
    pub(super) fn written(&mut self, item: KeptItem) {
        self.unflushed.push(item);
    }

    /// Notes that everything that was written has left this process.
    pub(super) fn flushed(&mut self) {
        for item in self.unflushed.drain(..) {
            self.keeper.ended.add(item, KeptEnd::Written);
        }
    }
}

async fn read(keeper: &Keeper, user: &Username, last: i64, round: Option<Round>) -> Result<Page, StoreError> {
    let now = clock::now();
    let round = match round {
        Some(round) => Some(round),
        None => keeper.messages.backlog(user, last, now).await?,
    };
    let messages = match &round {
        Some(round) => keeper.messages.page(user, last, round.until, now).await?,
        None => Vec::new(),
    };
    Ok(Page { round, messages })
}

fn item(text: Utf8Bytes, receipt: Option<Receipt>) -> Item {
    Item { text, receipt, timed: None, answers: None }
}
