/// The entries of a list, which are fetched page by page as they are asked for.
public struct Pages<Element: Sendable>: AsyncSequence, Sendable {
    typealias Fetch = @Sendable (_ after: String?) async throws -> (entries: [Element], next: String?)
    private let fetch: Fetch

    init(_ fetch: @escaping Fetch) {
        self.fetch = fetch
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(fetch: fetch)
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let fetch: Fetch
        private var entries: ArraySlice<Element> = []
        private var after: String?
        private var isLast = false

        fileprivate init(fetch: @escaping Fetch) {
            self.fetch = fetch
        }

        /// The next entry, or nil after the last.
        public mutating func next() async throws -> Element? {
            while entries.isEmpty && !isLast {
                let page = try await fetch(after)
                entries = page.entries[...]
                after = page.next
                isLast = page.next == nil
            }
            return entries.popFirst()
        }
    }
}
