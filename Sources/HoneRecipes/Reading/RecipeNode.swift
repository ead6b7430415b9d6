import HoneFormats

/// A part of a recipe before anything is known about its meaning, with the place where it stands.
struct RecipeNode: Equatable {
  struct Member: Equatable {
    var key: String
    var origin: RecipeOrigin
    var value: RecipeNode
  }

  enum Content: Equatable {
    /// Anything but a list or a mapping.
    case scalar(JSONValue)
    case list([RecipeNode])
    case mapping([Member])
  }

  var origin: RecipeOrigin
  var content: Content

  /// The members of a mapping; none for an empty section (`training:` and nothing after it), nil for
  /// everything else.
  var members: [Member]? {
    switch content {
    case .mapping(let members): members
    case .scalar(.null): []
    default: nil
    }
  }

  /// The node without its places.
  var value: JSONValue {
    switch content {
    case .scalar(let value): value
    case .list(let nodes): .array(nodes.map(\.value))
    case .mapping(let members): .object(JSONObject(members.map { ($0.key, $0.value.value) }))
    }
  }

  subscript(key: String) -> RecipeNode? { members?.first { $0.key == key }?.value }

  /// Puts a value at a path of keys, making the mappings on the way.
  ///
  /// A word in the way becomes the key of an empty section: after `method: lora`, the path
  /// `method.lora.rank` means what it means after `method: {lora: {}}`.
  mutating func set(_ path: ArraySlice<String>, to node: RecipeNode) {
    guard let key = path.first else {
      self = node
      return
    }
    var members = members ?? []
    if case .scalar(.string(let word)) = content {
      let empty = RecipeNode(origin: origin, content: .mapping([]))
      members = [Member(key: word, origin: origin, value: empty)]
    }
    let empty = RecipeNode(origin: node.origin, content: .mapping([]))
    var member = Member(key: key, origin: node.origin, value: empty)
    let position = members.firstIndex { $0.key == key }
    if let position { member.value = members[position].value }
    member.value.set(path.dropFirst(), to: node)
    if let position { members[position] = member } else { members.append(member) }
    content = .mapping(members)
  }

  /// Gives a key of the mapping, if it is there, another value.
  mutating func replace(_ key: String, with content: Content) {
    guard case .mapping(var members) = self.content,
      let position = members.firstIndex(where: { $0.key == key })
    else { return }
    members[position].value.content = content
    self.content = .mapping(members)
  }

  /// Takes a key out of the mapping at a path, if it is there.
  mutating func remove(_ key: String, from section: String) {
    guard var members, let position = members.firstIndex(where: { $0.key == section }),
      let inner = members[position].value.members
    else { return }
    members[position].value.content = .mapping(inner.filter { $0.key != key })
    content = .mapping(members)
  }
}
