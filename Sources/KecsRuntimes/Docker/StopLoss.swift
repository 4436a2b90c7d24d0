// SPDX-License-Identifier: Apache-2.0
import Kecs

/// The permanent loss that a stop would cause.
struct StopLoss {
    var why: String

    func failure(of instance: Instance, container: String) -> Failure {
        Failure(
            .usage, "“\(instance.name)” must not be stopped: its container “\(container)” would lose data",
            cause: why, remedy: "kecsctl backup \(instance.name) --consistency frozen")
    }
}
