use serde::{Deserialize, Serialize};

/// What a provider that cannot be trusted, or somebody in between, might answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Lie {
    /// ID token: for another client.
    WrongAudience,
    /// ID token: for us and another client, without saying who asked.
    ManyAudiences,
    /// ID token: another client asked.
    WrongAzp,
    WrongIssuer,
    /// No lie but the other of Google's two spellings.
    BareIssuer,
    WrongNonce,
    NoNonce,
    Expired,
    /// ID token: its expiry is text.
    StringExpiry,
    /// ID token: issued an hour ago, and good for another.
    Old,
    /// ID token: issued an hour from now.
    FromTheFuture,
    WrongAtHash,
    /// ID token: signed with a key that is not published.
    UnknownKid,
    NoKid,
    AlgNone,
    /// ID token: signed with HS256 and the published modulus as its secret.
    AlgHs256,
    WrongSignature,
    /// ID token: with an extension that must be understood.
    CriticalHeader,
    NoIdToken,
    /// The ID token or the profile has an empty id.
    NoSubject,
    /// The profile is of somebody else than the ID token.
    OtherSubject,
    /// Token endpoint: a page instead of JSON.
    Garbage,
    /// Token endpoint: JSON without a token.
    NoTokens,
    /// Token endpoint: a token of a kind nobody asked for.
    MacToken,
    /// Token endpoint: more than anybody wants to read.
    Huge,
    /// Token endpoint: go elsewhere.
    Redirect,
    /// Token endpoint: it does not know us.
    ClientRefused,
    /// Kakao's token endpoint: our redirect URI is not the registered one.
    RedirectUriRefused,
    /// The profile is refused: by Naver in a reply with status 200.
    ProfileRefused,
}
