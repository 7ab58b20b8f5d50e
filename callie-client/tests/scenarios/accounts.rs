//! Registration and login.

use callie_client::ErrorKind;

use crate::bed::{PASSWORD, TestEnv, within};

#[tokio::test]
async fn registers_and_logs_in() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        server.register("ada", PASSWORD).await.unwrap();
        let session = server.login("ada", PASSWORD, Some("laptop")).await.unwrap();
        assert_eq!(*session.username(), "ada");
        let sessions = server.sessions(&session).await.unwrap();
        assert_eq!(sessions.len(), 1);
        assert!(sessions[0].current);
        assert_eq!(sessions[0].device.as_ref().unwrap().as_str(), "laptop");
    })
    .await;
}

#[tokio::test]
async fn wrong_password_is_refused() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        server.register("ada", PASSWORD).await.unwrap();
        for name in ["ada", "nobody"] {
            let refused = server.login(name, "wrong horse battery", None).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "INVALID_CREDENTIALS"));
        }
    })
    .await;
}

#[tokio::test]
async fn taken_name_is_refused() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        server.register("ada", PASSWORD).await.unwrap();
        let refused = server.register("ada", PASSWORD).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "USERNAME_TAKEN"));
    })
    .await;
}

#[tokio::test]
async fn repeated_registration_does_not_exhaust_limits() {
    within(async {
        let (_env, server) = TestEnv::with_strict_server().await;
        for _ in 0..14 {
            let session = server.register_and_login("ada", PASSWORD, None).await.unwrap();
            assert_eq!(*session.username(), "ada");
        }
        let refused = server.register_and_login("ada", "wrong horse battery", None).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "INVALID_CREDENTIALS"));
        assert!(refused.reason().contains("the name ada is taken"), "{refused}");
        let refused = server.register_and_login("bob", "short", None).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "WEAK_PASSWORD"));
    })
    .await;
}
