// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// A pool of plain threads on which blocking code may run.
///
/// On Linux, Swift's cooperative pool and Dispatch share one budget of threads that grows about once a second: four
/// blocked jobs delayed a 100 ms timer to 1.1-2.1 s on two cores, and not at all when they ran on threads of their own.
public final class WorkerThreads: TaskExecutor, @unchecked Sendable {
    // @unchecked: the two C handles are only used under the rules of pthreads, the queue only under `lock`.
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let wakeUp: UnsafeMutablePointer<pthread_cond_t>
    private var queue: [UnownedJob] = []
    private var head = 0

    /// - Parameter count: The number of jobs that may block at once. The system may refuse any of the threads except
    ///   the first.
    public init(count: Int) throws(NoThread) {
        lock = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wakeUp, nil)
        for index in 0..<max(1, count) {
            do {
                try Threads.start(name: "worker-\(index)") { [self] in work() }
            } catch {
                if index == 0 { throw error }
                break
            }
        }
    }

    /// Lives as long as the process: the threads hold it.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(lock)
        queue.append(job)
        pthread_cond_signal(wakeUp)
        pthread_mutex_unlock(lock)
    }

    private func work() {
        while true {
            pthread_mutex_lock(lock)
            while head == queue.count { pthread_cond_wait(wakeUp, lock) }
            let job = queue[head]
            head += 1
            if head == queue.count {
                queue.removeAll(keepingCapacity: true)
                head = 0
            }
            pthread_mutex_unlock(lock)
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
