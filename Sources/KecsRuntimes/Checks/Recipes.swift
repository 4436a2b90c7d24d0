// SPDX-License-Identifier: Apache-2.0
import Kecs

/// R1 to R15, each tried before it was judged wrong.
enum Recipes {
    static let all = copying + restoring + deleting + measuring

    private static let copying = [
        Recipe(
            "recipe.cp-live-db",
            "copies a live database without its write-ahead log: the copy may hold no row at all and still pass a check",
            "kecsctl backup INSTANCE"
        ) { line in
            line.allArguments(of: "cp").contains { words in
                words.filter { !$0.hasPrefix("-") }.dropLast().contains {
                    Script.isDatabase($0) && !Script.isBackup($0)
                }
            }
        },
        Recipe(
            "recipe.sqlite-backup",
            "does not end while another process writes: it starts again after each foreign write",
            "kecsctl backup INSTANCE"
        ) { line in
            line.calls("sqlite3") && line.words.contains { $0.hasPrefix(".backup") }
        },
        Recipe(
            "recipe.read-only-db",
            "reads a database through a read-only mount, where one with a write-ahead log cannot be opened or lacks its newest rows",
            "kecsctl backup INSTANCE"
        ) { script in
            let mounts = script.lines.filter { line in
                line.words.contains { $0.hasSuffix(":ro") && $0.contains(":/") }
            }
            return mounts.filter { mount in
                mount.calls("tar") || mount.calls("sqlite3")
                    || script.lines.contains {
                        $0.calls("sqlite3") && $0.number > mount.number && $0.number < mount.number + 25
                    }
            }.map(\.number)
        },
        Recipe(
            "recipe.relative-volume",
            "binds a relative folder, which is another one from cron, or the name of a volume",
            "kecsctl backup INSTANCE"
        ) { script in
            let relative = script.lines.compactMap { line -> String? in
                guard let equals = line.text.firstRange(of: "=") else { return nil }
                let value = line.text[equals.upperBound...].drop { $0 == "\"" || $0 == "'" }
                guard value.hasPrefix("./") || value.hasPrefix("../") else { return nil }
                return line.text[..<equals.lowerBound].split(separator: " ").last.map(String.init)
            }
            return script.lines.filter { line in
                zip(line.words, line.words.dropFirst()).contains { flag, value in
                    (flag == "-v" || flag == "--volume") && value.contains(":")
                        && (value.hasPrefix("./") || value.hasPrefix("../")
                            || relative.contains { value.hasPrefix("${\($0)}") || value.hasPrefix("$\($0)") })
                }
            }.map(\.number)
        },
        Recipe(
            "recipe.sleep-first",
            "waits a day before the first backup: a container that is restarted daily never takes one",
            "kecsctl schedule install --all --at 02:00"
        ) { script in
            script.lines.enumerated().filter { index, line in
                guard line.calls("sleep"),
                    line.words.contains(where: {
                        $0 == "86400" || $0.contains("INTERVAL") || $0 == "24h" || $0 == "1d"
                    })
                else { return false }
                let before = script.lines[..<index].suffix(3)
                let after = script.lines[(index + 1)...].prefix(12)
                func backsUp(_ line: Script.Line) -> Bool {
                    line.calls("cp") || line.calls("sqlite3") || line.calls("tar")
                }
                let loops =
                    before.contains { $0.calls("while") || $0.text.contains("while ") }
                    || line.text.contains("while ")
                return loops && (after.contains(where: backsUp) || backsUp(line))
                    && !before.contains(where: backsUp)
            }.map(\.element.number)
        },
    ]

    private static let restoring = [
        Recipe(
            "recipe.restore-over-live",
            "restores over a database whose write-ahead log stays and is replayed into it",
            "kecsctl restore INSTANCE --from latest"
        ) { line in
            let words = line.arguments(of: "cp").filter { !$0.hasPrefix("-") }
            if let target = words.last, Script.isDatabase(target), !Script.isBackup(target),
                words.dropLast().contains(where: Script.isBackup),
                !words.contains(where: { $0.contains("*") }),
                // The end of “$(date +%F).sqlite” is not a path.
                target.contains("(") || !target.contains(")")
            {
                return true
            }
            return unpacks(line) && line.words.contains { $0.contains(":/data") || $0 == "/data" }
        },
        Recipe(
            "recipe.cp-glob-db",
            "copies whatever matches onto one database: with two backups it fails, with one it keeps the old write-ahead log",
            "kecsctl restore INSTANCE --from latest"
        ) { line in
            let words = line.arguments(of: "cp").filter { !$0.hasPrefix("-") }
            return words.last.map(Script.isDatabase) == true && words.dropLast().contains { $0.contains("*") }
        },
        Recipe(
            "recipe.sqlite-stdin",
            "feeds a database file to sqlite3 as if it were SQL, and leaves an empty database",
            "kecsctl restore --help"
        ) { line in
            guard line.calls("sqlite3"),
                let index = line.words.firstIndex(where: { $0.hasPrefix("<") && !$0.hasPrefix("<<") })
            else { return false }
            let word = line.words[index]
            let source =
                word == "<"
                ? (index + 1 < line.words.count ? line.words[index + 1] : "") : String(word.dropFirst())
            return Script.isDatabase(source)
        },
        Recipe(
            "recipe.rm-before-extract",
            "deletes the only live copy before the archive is known to be readable",
            "kecsctl restore --help"
        ) { script in
            script.lines.enumerated().filter { index, line in
                removesTree(line)
                    && (unpacks(line) || script.lines[(index + 1)...].prefix(5).contains(where: unpacks))
            }.map(\.element.number)
        },
        Recipe(
            "recipe.archive-layout",
            "packs one layout where another line unpacks the other: files nest a folder deeper, or are missed",
            "kecsctl migrate import --help"
        ) { script in
            let whole = script.lines.filter {
                packs($0) && $0.words.last.map { $0.hasSuffix("/") && !$0.hasPrefix("/") } == true
            }
            let flat = script.lines.filter { packs($0) && $0.words.contains("-C") && $0.words.last == "." }
            return whole.isEmpty || flat.isEmpty ? [] : whole.map(\.number)
        },
    ]

    private static let deleting = [
        Recipe(
            "recipe.find-rm-root",
            "deletes the whole folder of backups once its newest is old enough: find also matches where it starts",
            "kecsctl backups prune INSTANCE --keep 7"
        ) { line in
            line.calls("find") && line.calls("rm") && line.words.contains("-mtime")
                && !line.words.contains("-mindepth")
        },
        Recipe(
            "recipe.find-delete",
            "keeps nothing when backups stop succeeding, and a day more than it says",
            "kecsctl backups prune INSTANCE --keep 7"
        ) { line in
            line.calls("find") && line.words.contains("-mtime") && line.words.contains("-delete")
        },
        Recipe(
            "recipe.rm-lock", "removes a lock whose owner may be alive: two writers damage a database",
            "kecsctl doctor --check lock.foreign --fix"
        ) { line in
            line.arguments(of: "rm").contains { $0.hasSuffix(".lock") }
        },
        Recipe(
            "recipe.chmod", "makes files executable, or writable by everybody, credentials too",
            "kecsctl doctor --check perm.owner --fix"
        ) { line in
            let words = line.arguments(of: "chmod")
            let recursive = words.contains { $0.hasPrefix("-") && $0.contains("R") }
            return words.contains {
                ["777", "0777", "666", "0666", "a+w", "o+w", "ugo+rwx", "a+rwx"].contains($0)
            }
                || (recursive && words.contains { ["755", "0755"].contains($0) })
        },
        Recipe(
            "recipe.down-v", "deletes the volumes, and with them the data", "kecsctl destroy INSTANCE"
        ) { line in
            let compose =
                line.calls("docker-compose") || (line.calls("docker") && line.words.contains("compose"))
            if compose, line.words.contains("down") {
                return line.words.contains("-v") || line.words.contains("--volumes")
            }
            return line.calls("docker") && line.words.contains("volume") && line.words.contains("prune")
        },
    ]

    private static let measuring = [
        Recipe(
            "recipe.truncated-size", "compares whole gigabytes, cut off: the alert for 10 GB comes at 11 GB",
            "kecsctl doctor --check data.size"
        ) { line in
            let text = line.text.filter { $0 != " " }
            guard let start = text.firstRange(of: "$((") else { return false }
            let rest = text[start.upperBound...]
            return rest.prefix { $0 != ")" }.contains("/1024") && text.lowercased().contains("gb")
        }
    ]

    private static func unpacks(_ line: Script.Line) -> Bool {
        line.arguments(of: "tar").prefix(3).contains { word in
            word == "-x" || word == "--extract"
                || (word.hasPrefix("-") && !word.hasPrefix("--") && word.contains("x"))
                || ["xzf", "xf", "xvf", "xzvf", "xvzf"].contains(word)
        }
    }

    private static func packs(_ line: Script.Line) -> Bool {
        line.arguments(of: "tar").prefix(2).contains { word in
            (word.hasPrefix("-") && !word.hasPrefix("--") && word.contains("c") && word != "-C")
                || ["czf", "cf", "cvf", "czvf", "cvzf"].contains(word)
        }
    }

    private static func removesTree(_ line: Script.Line) -> Bool {
        let words = line.arguments(of: "rm")
        return words.contains { $0.hasPrefix("-") && $0.contains("r") }
            && words.contains { word in
                !word.hasPrefix("-")
                    && (word.contains("data") || word.contains("assets") || word.contains("volume")
                        || word.contains("minio"))
            }
    }
}
