//! What each method of the service does.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{
    catalogue::Catalogue,
    failure,
    messages::{
        Book, BookEvent, CreateBookRequest, GetBookRequest, HttpBody, ImportBooksResponse,
        ListBooksRequest, ListBooksResponse, ListShelvesResponse, Quote, QuoteRequest,
        UpdateBookRequest, WatchBooksRequest,
    },
};

type Answer<T> = Result<Response<T>, Status>;

/// One connection's handle on the catalogue.
#[derive(Clone)]
pub(super) struct Methods(pub(super) Arc<Catalogue>);

impl Methods {
    pub(super) fn list_shelves(&self) -> Answer<ListShelvesResponse> {
        let shelves = self.0.shelves();
        Ok(Response::new(ListShelvesResponse { shelves }))
    }

    pub(super) fn list(&self, asked: &ListBooksRequest) -> Answer<ListBooksResponse> {
        self.0.list(asked).map(Response::new)
    }

    pub(super) fn get(&self, asked: &GetBookRequest) -> Answer<Book> {
        let GetBookRequest { shelf, id } = asked;
        self.0.get(shelf, id).map(Response::new)
    }

    pub(super) fn create(&self, asked: &CreateBookRequest) -> Answer<Book> {
        let book = asked.book.clone().unwrap_or_default();
        self.0.create(book).map(Response::new)
    }

    pub(super) fn update(&self, asked: &UpdateBookRequest) -> Answer<Book> {
        let book = asked.book.clone().unwrap_or_default();
        let mask = asked.update_mask.as_ref();
        let changed = self.0.update(&book, mask.map(|mask| mask.paths.as_slice()));
        changed.map(Response::new)
    }

    pub(super) fn delete(&self, asked: &GetBookRequest) -> Answer<()> {
        let GetBookRequest { shelf, id } = asked;
        self.0.delete(shelf, id).map(Response::new)
    }

    pub(super) fn watch(
        &self,
        asked: Request<WatchBooksRequest>,
    ) -> Answer<impl Stream<Item = Result<BookEvent, Status>> + Send + use<>> {
        let WatchBooksRequest { shelf, limit } = asked.into_inner();
        let (present, changes) = self.0.watch(&shelf);
        let changes = stream::unfold(changes, next_change).filter(move |change| {
            let book = change.as_ref().ok().and_then(|event| event.book.as_ref());
            let wanted = book.is_none_or(|book| book.shelf == shelf);
            async move { wanted }
        });
        let limit = match limit {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let events = stream::iter(present).map(Ok).chain(changes).take(limit);
        Ok(Response::new(events))
    }

    pub(super) async fn import(
        self,
        asked: Request<Streaming<CreateBookRequest>>,
    ) -> Answer<ImportBooksResponse> {
        let mut books = asked.into_inner();
        let mut done = ImportBooksResponse::default();
        while let Some(one) = books.message().await? {
            match self.0.create(one.book.unwrap_or_default()) {
                Ok(_) => done.created += 1,
                Err(status) if status.code() == Code::AlreadyExists => done.skipped += 1,
                Err(status) => return Err(status),
            }
        }
        Ok(Response::new(done))
    }

    pub(super) fn quote(
        self,
        asked: Request<Streaming<QuoteRequest>>,
    ) -> Answer<impl Stream<Item = Result<Quote, Status>> + Send + use<>> {
        let quotes = asked.into_inner().map(move |one| self.quote_one(&one?));
        Ok(Response::new(quotes))
    }

    fn quote_one(&self, asked: &QuoteRequest) -> Result<Quote, Status> {
        let book = self.0.get(&asked.shelf, &asked.id)?;
        let price = book.price.checked_mul(asked.copies.max(1).into());
        Ok(Quote {
            title: book.title,
            price: price.ok_or_else(|| failure::invalid("copies", "there are not so many"))?,
        })
    }

    pub(super) fn download(&self, asked: &GetBookRequest) -> Answer<HttpBody> {
        let GetBookRequest { shelf, id } = asked;
        let book = self.0.get(shelf, id)?;
        let text = format!("{}\nby {}\n", book.title, book.author);
        Ok(Response::new(HttpBody {
            content_type: "text/plain; charset=utf-8".into(),
            data: text.into_bytes(),
        }))
    }
}

async fn next_change(
    mut changes: Receiver<BookEvent>,
) -> Option<(Result<BookEvent, Status>, Receiver<BookEvent>)> {
    match changes.recv().await {
        Ok(event) => Some((Ok(event), changes)),
        Err(RecvError::Lagged(missed)) => {
            let status = Status::data_loss(format!("{missed} changes were missed: watch anew"));
            Some((Err(status), changes))
        }
        Err(RecvError::Closed) => None,
    }
}
