// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// An instance whose data lies on a disk of its own, and that disk is not mounted: nothing is taken for lost, and nothing
/// is put below the mount point, where the next mount would hide it.
@Suite(.enabled(if: geteuid() == 0, "only root can mount")) struct UnmountedTests {
    @Test func `nothing is started or restored below a mount point that is empty`() async throws {
        try await withTemporaryFolder { root in
            let script = """
                set -eu
                cd '\(root)'
                export KECS_HOME='\(root)/home' HOME='\(root)' PATH=/usr/sbin:/usr/bin:/sbin:/bin
                k='\(Kecsctl.program)'
                mkdir disk m
                mount --bind disk m
                "$k" start dev --runtime local --data-dir m/data -q
                "$k" backup dev -q
                umount m
                for verb in 'start dev' 'start dev -n' 'start dev --restore none' 'restore dev --from latest' \
                    'restore dev --from latest -n'; do
                    status=0
                    "$k" $verb >>out 2>&1 || status=$?
                    echo "$verb: $status"
                done
                ls -A m
                mount --bind disk m
                "$k" start dev -q
                "$k" restore dev --from latest -q
                echo again: $?
                umount m
                # The disk will not come back.
                "$k" restore dev --from latest --force -q
                ls m/data
                "$k" start dev -q
                echo without: $?
                cat out >&2
                """
            let result = try await runWithOwnMounts(script)
            #expect(
                result.outputText == """
                    start dev: 3
                    start dev -n: 3
                    start dev --restore none: 3
                    restore dev --from latest: 3
                    restore dev --from latest -n: 3
                    again: 0
                    kecs.db
                    without: 0

                    """, "\(result.errorText)")
            #expect(result.errorText.contains("\(root)/m is not mounted"))
        }
    }
}
