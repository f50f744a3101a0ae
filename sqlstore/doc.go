// Package sqlstore keeps clients, users and tokens in a SQL database: SQLite,
// PostgreSQL, MySQL or MariaDB. It works on a *sql.DB that the caller has opened
// with a driver of its choice, and imports none.
//
//	db, err := sql.Open("sqlite", "file:durin.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)")
//	...
//	err = sqlstore.Migrate(ctx, db, sqlstore.SQLite)
//	...
//	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, sqlstore.Options{})
//
// The tables are durin_client, durin_user, durin_token, durin_slot, durin_outbox,
// durin_usage, durin_activity, durin_import, durin_gone, durin_replaced,
// durin_resource_server, durin_audit and durin_schema, the same on every engine. They may stand among an application's own. Instants are BIGINT
// microseconds since 1970 in UTC, durations BIGINT microseconds; never is NULL.
//
// # What is promised
//
// Everything that durin.Store demands, between processes too: all locks are the
// database's. What is ended is written to durin_outbox in the same transaction.
// Transactions that the engine takes back (a deadlock, a busy file) are tried
// again, within the context and Options.Timeout. Errors tell what was attempted,
// and never a token, a password or a data source name.
//
// # SQLite
//
// Use a file, in WAL mode: queries then do not wait for writers. With
// synchronous(FULL) a revocation survives a power failure, with NORMAL the last
// ones may not. Writers of one Store wait in line; busy_timeout is for those of
// other processes. Of a database in memory every connection has its own: give its
// handle one connection, db.SetMaxOpenConns(1) and db.SetConnMaxLifetime(0).
// Statements that are often run, a hundred at most, stay prepared on each
// connection until it or the Store is closed: some kilobytes each.
//
// The file is watched while the store is in use. Once it is moved, deleted or
// made unreadable (a mode without any permission to read), every method fails
// until it is back. When another database with the same schema takes its place,
// that one is used from then on, and the outbox tells all to forget everything.
// Do not keep connections or transactions of your own open on the same handle for
// long: while they last, the store cannot change over. On a network file system
// none of this is certain.
//
// # PostgreSQL
//
// Names compare byte by byte, whatever the database's collation. Behind a pooler
// that gives each transaction another connection, set Options.NoPrepare, and
// default_query_exec_mode=exec in pgx's connection string.
//
// # MySQL and MariaDB
//
// Text is kept in VARBINARY columns: it compares byte by byte. Transactions read
// what is committed, so binlog_format must be ROW or MIXED, which is the default.
// interpolateParams=true saves round trips. On a Galera cluster numbers of the
// outbox may appear in an order that differs between nodes.
package sqlstore
