//! What is particular about PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::Username;
use callie_server::store::{OpenError, Store};
use sqlx::{Connection as _, PgConnection, Row as _};
use support::postgres::{PASSWORD, Postgres};

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

#[tokio::test]
async fn several_servers_that_start_at_once_bring_one_database_up_to_date() {
    let url = Postgres::shared().await.database().await;
    let opened = futures_util::future::join_all((0..6).map(|_| Store::open(&url))).await;
    for (n, store) in opened.into_iter().enumerate() {
        assert!(store.unwrap().create_user(&name(&format!("user-{n}")), "hash", 1).await.unwrap());
    }
}

#[tokio::test]
async fn every_text_is_ordered_by_its_bytes() {
    let url = Postgres::shared().await.database().await;
    Store::open(&url).await.unwrap().close().await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let others = sqlx::query(
        "SELECT table_name || '.' || column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') \
         AND table_name <> '_sqlx_migrations' AND collation_name IS DISTINCT FROM 'C'",
    );
    let others: Vec<String> =
        others.fetch_all(&mut database).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_in_one_line_without_the_password() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    let wrong = url.replace(PASSWORD, "guessed-password");
    let missing = format!("{url}_of_nobody");
    let unknown = format!("{url}?sslmod={PASSWORD}");
    let unreadable = url.replace("127.0.0.1:", "127.0.0.1:x");
    for bad in [wrong, missing, unknown, unreadable] {
        let error: OpenError = Store::open(&bad).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(PASSWORD) && !said.contains("guessed-password"), "{said}");
        assert!(error.to_string().contains("postgres://") && !error.to_string().contains('\n'), "{said}");
    }
}
