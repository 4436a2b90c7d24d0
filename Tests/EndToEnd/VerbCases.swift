// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

/// A command that changes something, and what it needs before it.
struct VerbCase: Sendable, CustomTestStringConvertible {
    var words: [String]
    /// Run before, in this order; `ROOT` is the test's folder in all words.
    var before: [[String]] = []

    init(_ words: String, after before: String...) {
        self.words = words.split(separator: " ").map(String.init)
        self.before = before.map { $0.split(separator: " ").map(String.init) }
    }

    var testDescription: String { words.joined(separator: " ") }

    func words(_ root: FilePath) -> [String] { words.map { $0.replacing("ROOT", with: root.string) } }

    static let start = "start dev --runtime local"
    static let backup = "backup dev"
    static let usb = "remote add usb ROOT/there"
    static let copied = "backup dev --copy-to usb"

    /// Every verb that has `--dry-run`, done and refused.
    static let all: [VerbCase] = [
        .init("start new --runtime local"), .init("start dev", after: start),
        .init("start dev --restore latest", after: start, backup),
        .init("start dev --restore nope", after: start),
        .init("start new --runtime local --data-dir ROOT/file"), .init("start Bad_Name --runtime local"),
        .init("stop dev", after: start), .init("stop nope"), .init("stop dev --no-backup", after: start),
        .init("restart dev", after: start), .init("restart nope"),
        .init("destroy dev --yes", after: start), .init("destroy nope --yes"),
        .init("destroy dev --delete-backups --yes", after: start, backup),
        .init("rename dev shop", after: start), .init("rename nope shop"),
        .init("rename dev dev", after: start),
        .init("rename dev new", after: start, "start new --runtime local"),
        .init("reset dev --yes", after: start), .init("reset nope --yes"),
        .init("clone dev new", after: start), .init("clone nope new"),
        .init("clone dev new --from latest", after: start, backup),
        .init("clone dev new --from nope", after: start, backup),
        .init("clone dev new", after: start, "start new --runtime local"),
        .init("move nope ssh://there.example/srv/kecs"), .init("move dev there.example", after: start),
        .init("move dev ssh://127.0.0.1:1/srv/kecs", after: start),
        .init("clone dev new --to ssh://127.0.0.1:1/srv/kecs", after: start),
        .init(backup, after: start), .init("backup nope"), .init("backup dev --part nope", after: start),
        .init("backup dev --exclude *.tmp --latest-link", after: start),
        .init("backup dev --exclude *.db", after: start),
        .init("backup dev --encrypt gpg --passphrase-file ROOT/key", after: start),
        .init("backup dev --encrypt gpg", after: start), .init("backup dev --encrypt age", after: start),
        .init(
            "restore dev --from latest --passphrase-file ROOT/key", after: start,
            "backup dev --encrypt gpg --passphrase-file ROOT/key"),
        .init(
            "restore dev --from latest", after: start, "backup dev --encrypt gpg --passphrase-file ROOT/key"),
        .init("restore dev --from latest", after: start, backup),
        .init("restore dev --from latest", after: start),
        .init("restore dev --from latest", after: start, "backup dev --exclude *.tmp"),
        .init("restore dev --from nope", after: start, backup), .init("restore nope --from latest"),
        .init("restore dev --from latest --part nope", after: start, backup),
        .init("restore dev --from latest --path data/kecs.db", after: start, backup),
        .init("restore dev --from ROOT/missing.tar", after: start),
        .init("restore dev --from ROOT/text", after: start),
        .init("restore dev --from ROOT/app.sqlite", after: start),
        .init("restore dev --from latest", after: start, backup, "destroy dev --yes"),
        .init("restore fresh --from ROOT/app.sqlite"),
        .init("undo dev", after: start, backup, "restore dev --from latest"), .init("undo dev", after: start),
        .init("undo nope"), .init("recover dev", after: start), .init("recover nope"),
        .init("migrate schema dev", after: start), .init("migrate schema nope"),
        .init("migrate import ROOT/app.sqlite dev", after: start),
        .init("migrate import ROOT/app.sqlite new"),
        .init("migrate import ROOT/text new"), .init("migrate import ROOT/missing new"),
        .init("migrate export dev ROOT/out.tar.gz", after: start),
        .init("migrate export dev ROOT/out.sqlite", after: start),
        .init("migrate export dev ROOT/text", after: start), .init("migrate export nope ROOT/out.sql"),
        .init("migrate velero dev", after: start), .init("migrate velero dev --undo", after: start),
        .init("migrate velero nope"), .init("start new --runtime local --use-velero-backup"),
        .init("start new --runtime local --no-velero-backup"),
        .init("db maintain dev", after: start), .init("db maintain --database ROOT/app.sqlite"),
        .init("db maintain --database ROOT/text"), .init("db rescue dev", after: start),
        .init("db rescue --database ROOT/app.sqlite"), .init("db rescue nope"),
        .init("backups delete latest --yes", after: start, backup),
        .init("backups delete latest --yes --force", after: start, backup),
        .init("backups delete latest --yes", after: start, backup, backup),
        .init("backups delete nope --yes", after: start),
        .init("backups prune dev --keep 1", after: start, backup, backup),
        .init("backups gc --velero dev --yes", after: start), .init("backups gc --velero nope --yes"),
        .init("backups prune nope"), .init("backups pin latest", after: start, backup),
        .init("backups unpin latest", after: start, backup),
        .init("remote add usb ROOT/usb"), .init("remote add Bad/Name ROOT/usb"),
        .init("remote add usb ROOT/other", after: "remote add usb ROOT/usb"),
        .init("remote remove usb", after: "remote add usb ROOT/usb"), .init("remote remove nope"),
        .init("backups copy latest --to nope", after: start, backup),
        .init("backups copy --all --to usb", after: start, backup, usb),
        .init("backup dev --copy-to usb", after: start, usb),
        .init("backup dev --copy-to nope", after: start),
        .init("backups prune dev --remote usb --keep 1", after: start, usb, copied, copied),
        .init("backups prune dev --remote usb", after: start, usb, copied),
        .init("restore dev --from usb/latest", after: start, usb, copied),
        .init("restore dev --from usb/2001", after: start, usb, copied),
        .init("backups copy latest --to usb", after: start, backup, "remote add usb ROOT/home"),
        .init("backups drill dev", after: start, backup), .init("backups drill dev", after: start),
        .init("backups drill nope"), .init("backups drill dev --start", after: start, backup),
        .init("backups drill dev --from nope", after: start, backup),
        .init(
            "backups import ROOT/bundle.tar --as copy", after: start, backup,
            "backups export latest --file ROOT/bundle.tar"),
        .init("backups import ROOT/missing.tar --as copy"), .init("backups import ROOT/text --as copy"),
        .init("state import dev ROOT/state.json", after: start),
        .init("state import dev ROOT/missing", after: start),
        .init("state import dev ROOT/text", after: start), .init("config set keep 3"),
        .init("config set keep x"),
        .init("config set keep 3 --instance dev", after: start), .init("config set keep 3 --instance nope"),
        .init("config set keep --unset"), .init("doctor dev --fix", after: start),
        .init("test persistence nope"), .init("test mount dev", after: start), .init("test mount nope"),
        .init("config profile dev"), .init("config profile prod --instance dev", after: start),
        .init("config profile dev --instance nope"), .init("schedule install nope"),
    ]

    /// The files that the words name.
    static func prepare(_ root: FilePath) throws {
        try root.appending("home").createFolder()
        try root.appending("there").createFolder()
        try root.appending("file").replaceContents([1])
        try root.appending("key").replaceContents(Array("correct horse\n".utf8), mode: 0o600)
        try root.appending("text").replaceContents(Array("neither this nor that".utf8))
        try root.appending("state.json").replaceContents(
            Array(#"{"apiVersion":"kecsctl/v1","kind":"StateDocument","clusters":[]}"#.utf8))
        let database = try SQLiteDatabase(root.appending("app.sqlite"), .create)
        try database.executeScript("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1);")
    }
}
