// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The content of a notification: the body of the webhook, and the standard input of the command.
public struct Notification: Encodable, Sendable {
    public var apiVersion = "kecsctl/v1"
    public var kind = "Notification"
    public var event: NotifyEvent
    /// The id, the same for the start and the end of one run.
    public var run: String
    public var at: Moment
    public var command: String
    public var instance: String?
    public var status: Int32?
    public var result: JSONValue?

    public init(
        _ event: NotifyEvent, run: String, at: Moment, command: String, instance: String? = nil,
        status: Int32? = nil,
        result: JSONValue? = nil
    ) {
        self.event = event
        self.run = run
        self.at = at
        self.command = command
        self.instance = instance
        self.status = status
        self.result = result
    }
}

extension Site {
    /// Returns an id for a run, a UUID: it connects the notifications of the run's start and end.
    public func newRun() -> String { newUUID() }
}
