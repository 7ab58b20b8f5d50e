import Foundation

/// A JSON value. Numbers keep the digits that they were written with, whatever their size.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The text, if this is a string.
    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number, if this is one.
    public var number: JSONNumber? {
        if case .number(let value) = self { value } else { nil }
    }

    /// The value, if this is `true` or `false`.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements, if this is an array.
    public var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, if this is an object.
    public var object: [String: JSONValue]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member `key` of an object, if there is one.
    public subscript(key: String) -> JSONValue? { object?[key] }

    /// The element at `index` of an array, if there is one.
    public subscript(index: Int) -> JSONValue? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}

/// A JSON number, as it is written.
public struct JSONNumber: Sendable, Hashable {
    /// The digits, such as `-1.5e3`.
    public let text: String

    init(text: String) {
        self.text = text
    }

    /// A whole number.
    public init(_ value: some BinaryInteger) {
        text = String(value)
    }

    /// A number. JSON has no way to write one that is not finite: to send it is an error.
    public init(_ value: Double) {
        text = String(value)
    }

    /// The number, if an `Int` can hold it exactly.
    public var int: Int? { Int(text) }

    /// The nearest `Double`, infinite if it is too large for one.
    public var double: Double { Double(text) ?? .nan }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    public init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}

// What follows reads and writes the texts that cross into the native library. Foundation's decoder loses the digits of large
// numbers and refuses those that no `Double` holds.

extension JSONValue {
    /// The value of a text that the native library has checked; `null` of any other text.
    init(json: String) {
        var reader = JSONReader(json)
        self = reader.value() ?? .null
    }

    /// The text of this value.
    var json: String {
        get throws {
            var text = ""
            try write(to: &text, depth: 0)
            return text
        }
    }

    private func write(to text: inout String, depth: Int) throws {
        // Deeper than any text that the protocol allows.
        guard depth < 64 else { throw CallieError(.invalidArgument, "INVALID_ARGUMENT", "JSON is nested too deeply") }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += value.text
        case .string(let value): Self.write(value, to: &text)
        case .array(let elements):
            text += "["
            for (at, element) in elements.enumerated() {
                if at > 0 { text += "," }
                try element.write(to: &text, depth: depth + 1)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (at, member) in members.enumerated() {
                if at > 0 { text += "," }
                Self.write(member.key, to: &text)
                text += ":"
                try member.value.write(to: &text, depth: depth + 1)
            }
            text += "}"
        }
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension [String: JSONValue] {
    /// The members of an object whose text the native library has checked.
    init(json: String) {
        self = json == "{}" ? [:] : JSONValue(json: json).object ?? [:]
    }

    /// The text of this object.
    var json: String {
        get throws { try JSONValue.object(self).json }
    }
}

/// Reads a JSON text that is known to be valid.
private struct JSONReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = Substring(text).utf8
    }

    mutating func value() -> JSONValue? {
        skipSpace()
        switch rest.first {
        case UInt8(ascii: "{"): return object()
        case UInt8(ascii: "["): return array()
        case UInt8(ascii: "\""): return string().map(JSONValue.string)
        case UInt8(ascii: "t"): return word(4, .bool(true))
        case UInt8(ascii: "f"): return word(5, .bool(false))
        case UInt8(ascii: "n"): return word(4, .null)
        default: return number()
        }
    }

    private mutating func object() -> JSONValue? {
        var members: [String: JSONValue] = [:]
        rest.removeFirst()
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard let key = string() else { return nil }
            skipSpace()
            guard take(":"), let value = value() else { return nil }
            members[key] = value
            skipSpace()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array() -> JSONValue? {
        var elements: [JSONValue] = []
        rest.removeFirst()
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value() else { return nil }
            elements.append(value)
            skipSpace()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var units: [UInt8] = []
        while let unit = rest.popFirst() {
            if unit == UInt8(ascii: "\"") { return String(decoding: units, as: UTF8.self) }
            guard unit == UInt8(ascii: "\\") else {
                units.append(unit)
                continue
            }
            guard let scalar = escaped() else { return nil }
            units.append(contentsOf: String(Character(scalar)).utf8)
        }
        return nil
    }

    /// The scalar of an escape, after its backslash.
    private mutating func escaped() -> Unicode.Scalar? {
        switch rest.popFirst() {
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let first = hexadecimal() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard take("\\"), take("u"), let second = hexadecimal(), (0xDC00..<0xE000).contains(second) else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        case .some(let unit): return Unicode.Scalar(unit)
        case nil: return nil
        }
    }

    private mutating func hexadecimal() -> UInt32? {
        let digits = rest.prefix(4)
        rest = rest.dropFirst(4)
        return UInt32(String(Substring(digits)), radix: 16)
    }

    private mutating func number() -> JSONValue? {
        let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "+-.eE".utf8.contains($0) }
        rest = rest[digits.endIndex...]
        return digits.isEmpty ? nil : .number(JSONNumber(text: String(Substring(digits))))
    }

    private mutating func word(_ length: Int, _ value: JSONValue) -> JSONValue {
        rest = rest.dropFirst(length)
        return value
    }

    private mutating func take(_ expected: Unicode.Scalar) -> Bool {
        guard rest.first.map(UInt32.init) == expected.value else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop { " \n\r\t".utf8.contains($0) }
    }
}
