// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct MaskingTests {
    @Test(arguments: [
        ("mysqldump -p hunter2 app", "mysqldump -p ••• app"),
        ("tool --password hunter2 --verbose", "tool --password ••• --verbose"),
        ("tool --token=hunter2 x", "tool --token=••• x"),
        ("tool --api-key 'hunter2'", "tool --api-key '•••'"),
        ("curl https://user:hunter2@host/path?x=1", "curl https://•••@host/path?x=1"),
        ("git clone https://hunter2@github.com/a/b", "git clone https://•••@github.com/a/b"),
        ("curl -u admin:hunter2 http://h", "curl -u admin:••• http://h"),
        ("curl -H 'Authorization: Bearer hunter2' http://h", "curl -H 'Authorization: ••• •••' http://h"),
        ("curl -H \"X-Api-Key: hunter2\" http://h", "curl -H \"X-Api-Key: •••\" http://h"),
        ("PGPASSWORD=hunter2 pg_dump app", "PGPASSWORD=••• pg_dump app"),
        ("export SECRET_KEY='hunter2 hunter2'", "export SECRET_KEY='•••'"),
        ("  DB_PASSWORD: hunter2", "  DB_PASSWORD: •••"),
        ("{\"password\": \"hunter2\", \"port\": 1}", "{\"password\": \"•••\", \"port\": 1}"),
        ("DATABASE_URL=postgres://u:hunter2@db/app", "DATABASE_URL=postgres://•••@db/app"),
    ])
    func `a secret is hidden wherever a command line can hold one`(text: String, masked: String) {
        #expect(text.masked == masked)
        #expect(!text.masked.contains("hunter2"))
    }

    @Test(arguments: [
        "mkdir -p /var/lib/app", "docker run -p 8080:80 app", "cp -p a b", "--passphrase-file /run/key",
        "git clone ssh://git@host/a", "see https://host/a@b", "12:30:01 started", "a=b c:d --home /x",
        "sqlite3 db 'SELECT 1'", "docker ps -a",
    ])
    func `what is no secret stays as it is`(text: String) { #expect(text.masked == text) }

    @Test func `several lines are several lines, and a second masking changes nothing`() {
        let text = "--password a\n--token=b\nplain"
        #expect(text.masked == "--password •••\n--token=•••\nplain")
        #expect(text.masked.masked == text.masked)
    }
}
