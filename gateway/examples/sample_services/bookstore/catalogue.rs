//! The books, in memory, and who watches them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::broadcast;
use tonic::Status;

use super::{
    failure,
    messages::{Binding, Book, BookEvent, EventKind, ListBooksRequest, ListBooksResponse},
};

/// A watcher that is so many changes behind is cut off.
const BACKLOG: usize = 1024;

/// By shelf and id.
type Books = BTreeMap<(String, String), Book>;

pub(super) struct Catalogue {
    books: Mutex<Books>,
    changes: broadcast::Sender<BookEvent>,
}

impl Catalogue {
    pub(super) fn with_some_books() -> Self {
        let book = |shelf: &str,
                    id: &str,
                    title: &str,
                    author: &str,
                    pages,
                    price,
                    binding,
                    tags: &[&str]| {
            let tags = tags.iter().map(ToString::to_string).collect();
            let book = Book {
                shelf: shelf.into(),
                id: id.into(),
                title: title.into(),
                author: author.into(),
                pages,
                price,
                binding: Binding::into(binding),
                tags,
                updated: Some(SystemTime::UNIX_EPOCH.into()),
            };
            ((book.shelf.clone(), book.id.clone()), book)
        };
        let (paper, hard) = (Binding::Paperback, Binding::Hardcover);
        let books = [
            book(
                "crime",
                "gaudy-night",
                "Gaudy Night",
                "Dorothy L. Sayers",
                528,
                1_250,
                paper,
                &["oxford"],
            ),
            book(
                "crime",
                "moonstone",
                "The Moonstone",
                "Wilkie Collins",
                528,
                990,
                paper,
                &["classic", "jewels"],
            ),
            book(
                "poetry",
                "sonnets",
                "Sonnets",
                "William Shakespeare",
                160,
                1_800,
                hard,
                &["classic"],
            ),
        ];
        Self {
            books: Mutex::new(books.into()),
            changes: broadcast::Sender::new(BACKLOG),
        }
    }

    /// One change leaves them whole, so that a panic elsewhere is no reason to stop.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called with the books locked, so that changes are told in their order.
    fn tell(&self, kind: EventKind, book: &Book) {
        let event = BookEvent {
            kind: kind.into(),
            book: Some(book.clone()),
        };
        // Nobody need watch.
        let _ = self.changes.send(event);
    }

    pub(super) fn shelves(&self) -> Vec<String> {
        let books = self.books();
        let shelves: BTreeSet<&String> = books.keys().map(|(shelf, _)| shelf).collect();
        shelves.into_iter().cloned().collect()
    }

    /// A page's token is the place of the book that it ended with.
    pub(super) fn list(&self, asked: &ListBooksRequest) -> Result<ListBooksResponse, Status> {
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(token.split_once('/').ok_or_else(|| {
                failure::invalid("page_token", "not one that an answer has given")
            })?),
        };
        let books = self.books();
        let mut wanted = books.values().filter(|book| {
            after.is_none_or(|after| (book.shelf.as_str(), book.id.as_str()) > after)
                && (asked.shelf.is_empty() || book.shelf == asked.shelf)
                && (asked.author.is_empty() || book.author == asked.author)
                && (asked.binding == 0 || book.binding == asked.binding)
        });
        let size = match asked.page_size {
            0 => usize::MAX,
            size => size as usize,
        };
        let page: Vec<Book> = wanted.by_ref().take(size).cloned().collect();
        let next_page_token = match (wanted.next(), page.last()) {
            (Some(_), Some(last)) => format!("{}/{}", last.shelf, last.id),
            _ => String::new(),
        };
        Ok(ListBooksResponse {
            books: page,
            next_page_token,
        })
    }

    pub(super) fn get(&self, shelf: &str, id: &str) -> Result<Book, Status> {
        let books = self.books();
        let book = books.get(&(shelf.to_owned(), id.to_owned())).cloned();
        book.ok_or_else(|| failure::not_found(shelf, id))
    }

    pub(super) fn create(&self, mut book: Book) -> Result<Book, Status> {
        for (field, value) in [
            ("book.shelf", &book.shelf),
            ("book.id", &book.id),
            ("book.title", &book.title),
        ] {
            if value.is_empty() {
                return Err(failure::invalid(field, "must not be empty"));
            }
        }
        let mut books = self.books();
        let place = (book.shelf.clone(), book.id.clone());
        if books.contains_key(&place) {
            return Err(failure::exists(&book.shelf, &book.id));
        }
        book.updated = Some(SystemTime::now().into());
        books.insert(place, book.clone());
        self.tell(EventKind::Created, &book);
        Ok(book)
    }

    /// Takes over the fields that the mask names; without one, all that may be changed.
    pub(super) fn update(&self, from: &Book, mask: Option<&[String]>) -> Result<Book, Status> {
        let mut books = self.books();
        let place = (from.shelf.clone(), from.id.clone());
        let book = books
            .get_mut(&place)
            .ok_or_else(|| failure::not_found(&from.shelf, &from.id))?;
        let mut changed = book.clone();
        let all = ["title", "author", "pages", "price", "binding", "tags"].map(String::from);
        for path in mask.unwrap_or(&all) {
            match path.as_str() {
                "title" => changed.title.clone_from(&from.title),
                "author" => changed.author.clone_from(&from.author),
                "pages" => changed.pages = from.pages,
                "price" => changed.price = from.price,
                "binding" => changed.binding = from.binding,
                "tags" => changed.tags.clone_from(&from.tags),
                // They say which book it is.
                "shelf" | "id" => {}
                _ => {
                    return Err(failure::invalid(
                        "update_mask",
                        &format!("{path} cannot be changed"),
                    ));
                }
            }
        }
        if changed.title.is_empty() {
            return Err(failure::invalid("book.title", "must not be empty"));
        }
        changed.updated = Some(SystemTime::now().into());
        book.clone_from(&changed);
        self.tell(EventKind::Updated, &changed);
        Ok(changed)
    }

    pub(super) fn delete(&self, shelf: &str, id: &str) -> Result<(), Status> {
        let mut books = self.books();
        let book = books
            .remove(&(shelf.to_owned(), id.to_owned()))
            .ok_or_else(|| failure::not_found(shelf, id))?;
        self.tell(EventKind::Deleted, &book);
        Ok(())
    }

    /// What is there, and every change from then on.
    pub(super) fn watch(&self, shelf: &str) -> (Vec<BookEvent>, broadcast::Receiver<BookEvent>) {
        let books = self.books();
        let on_shelf = books.values().filter(|book| book.shelf == shelf);
        let present = on_shelf.map(|book| BookEvent {
            kind: EventKind::Present.into(),
            book: Some(book.clone()),
        });
        (present.collect(), self.changes.subscribe())
    }
}
