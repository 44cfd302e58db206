//! Everything that must survive: deliveries, runs, calls, reports, listings and logs.
//!
//! The only place with SQL. One writer task owns the writing connection; what belongs together is
//! written in one transaction. The store knows neither forges nor dagger nor HTTP.
