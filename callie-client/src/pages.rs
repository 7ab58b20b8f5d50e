//! Lists that the server returns in pages, as streams of their entries.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use callie_core::command::{CommandRequest, PagedRequest};
use futures_core::Stream;

use crate::error::Error;
use crate::handle::Client;

impl Client {
    /// Returns all entries of a list as a stream, which requests each page when the previous one was consumed.
    ///
    /// ```no_run
    /// # async fn run(client: callie_client::Client) -> Result<(), callie_client::Error> {
    /// use callie_client::request::ListGroups;
    /// use futures_util::TryStreamExt;
    ///
    /// let groups: Vec<_> = client.list_all(ListGroups::new()).try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The stream ends after the last entry, or after the first error of [`execute`](Self::execute).
    pub fn list_all<R: PagedRequest>(&self, request: R) -> Entries<R> {
        Entries {
            client: self.clone(),
            next: Some(request.clone()),
            request,
            page: Vec::new().into_iter(),
            pending: None,
        }
    }
}

type Pending<R> = Pin<Box<dyn Future<Output = Result<<R as CommandRequest>::Response, Error>> + Send>>;

/// A stream of the entries of a list; see [`Client::list_all`].
#[must_use = "streams do nothing unless polled"]
pub struct Entries<R: PagedRequest> {
    client: Client,
    request: R,
    /// The request for the next page; none after the last.
    next: Option<R>,
    page: vec::IntoIter<R::Item>,
    pending: Option<Pending<R>>,
}

// Only the boxed future is pinned.
impl<R: PagedRequest> Unpin for Entries<R> {}

impl<R: PagedRequest> Stream for Entries<R> {
    type Item = Result<R::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(entry) = this.page.next() {
                return Poll::Ready(Some(Ok(entry)));
            }
            if let Some(pending) = &mut this.pending {
                let answer = ready!(pending.as_mut().poll(cx));
                this.pending = None;
                let (entries, after) = R::split(match answer {
                    Ok(page) => page,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                });
                this.page = entries.into_iter();
                this.next = after.map(|after| this.request.clone().starting_at(after));
                continue;
            }
            let Some(next) = this.next.take() else { return Poll::Ready(None) };
            let client = this.client.clone();
            this.pending = Some(Box::pin(async move { client.execute(next).await }));
        }
    }
}

impl<R: PagedRequest> std::fmt::Debug for Entries<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}
