#include "agent/git/tree_walk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/git/tree_check.h"
#include "common/path/split_path.h"
#include "common/text/escape.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

constexpr size_t kMaxPath = 4095;
// Of all paths of a listing together; no normal one comes near.
constexpr int64_t kMaxPathBytes = 64 << 20;

class Lister {
 public:
  Lister(const std::vector<std::string>& links, int64_t max_files, const ReadTrees& read)
      : links_(links), max_files_(max_files), read_(read) {}

  absl::StatusOr<std::vector<TreeEntry>> List(const std::string& root) {
    const bool whole = std::find(links_.begin(), links_.end(), ".") != links_.end();
    next_[root].push_back({"", whole});
    while (!next_.empty()) {
      const Level level = std::exchange(next_, {});
      std::vector<std::string> ids;
      for (const auto& [id, directories] : level) ids.push_back(id);
      const absl::Status status =
          read_(ids, [&](size_t index, absl::string_view content) -> absl::Status {
            for (const Directory& directory : level.at(ids[index])) {
              if (auto added = Add(directory, content, ids[index].size()); !added.ok()) {
                return added;
              }
            }
            return absl::OkStatus();
          });
      if (!status.ok()) return status;
    }
    std::sort(entries_.begin(), entries_.end(),
              [](const TreeEntry& a, const TreeEntry& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  struct Directory {
    std::string path;
    bool whole;  // at or beneath a link; otherwise on the way to one
  };
  // By the tree's id: the same tree may be at many places.
  using Level = std::map<std::string, std::vector<Directory>>;

  absl::Status Add(const Directory& directory, absl::string_view content, size_t id_length) {
    std::set<std::string> on_the_way;
    return ForEachEntry(content, id_length,
                        [&](uint32_t mode, absl::string_view name, std::string id) -> absl::Status {
                          std::string path = JoinPath(directory.path, name);
                          if (directory.whole)
                            return Take(mode, name, std::move(path), std::move(id));
                          bool near = false, whole = false;
                          for (const std::string& link : links_) {
                            near = near || IsBeneathLink(link, path);
                            whole = whole || link == path;
                          }
                          if (!near) return absl::OkStatus();
                          if (!on_the_way.insert(path).second) {
                            return absl::FailedPreconditionError(absl::StrCat(
                                "\"", EscapeText(path), "\" is refused: the commit has it twice"));
                          }
                          if (whole || absl::StrContains(name, '/'))
                            return Take(mode, name, std::move(path), std::move(id));
                          if (mode == kTreeMode)
                            next_[std::move(id)].push_back({std::move(path), false});
                          return absl::OkStatus();
                        });
  }

  absl::Status Take(uint32_t mode, absl::string_view name, std::string path, std::string id) {
    if (absl::StrContains(name, '/')) {
      return absl::FailedPreconditionError(absl::StrCat(
          "\"", EscapeText(path.substr(0, 300)), "\" is refused: a name of it contains a slash"));
    }
    const bool directory = mode == kTreeMode;
    if ((directory ? ++directories_ : static_cast<int64_t>(entries_.size()) + 1) > max_files_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "it has more than ",
          directory ? Counted(max_files_, "directory", "directories") : Counted(max_files_, "file"),
          " (max_files)"));
    }
    path_bytes_ += static_cast<int64_t>(path.size());
    if (path.size() > kMaxPath) {
      return absl::FailedPreconditionError(absl::StrCat("\"", EscapeText(path.substr(0, 300)),
                                                        "…\" is refused: its path is longer than ",
                                                        kMaxPath, " bytes"));
    }
    if (path_bytes_ > kMaxPathBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the paths of its files have more than ",
                                                       kMaxPathBytes >> 20, " MiB together"));
    }
    if (directory) {
      next_[std::move(id)].push_back({std::move(path), true});
    } else {
      entries_.push_back({mode, std::move(id), std::move(path)});
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& links_;
  const int64_t max_files_;
  const ReadTrees& read_;
  Level next_;
  std::vector<TreeEntry> entries_;
  int64_t directories_ = 0, path_bytes_ = 0;
};

// The links by their components.
struct LinkTrie {
  std::map<std::string, LinkTrie, std::less<>> children;
  std::vector<std::string> links;  // that end here
};

LinkTrie TrieOf(const std::set<std::string>& links) {
  LinkTrie root;
  for (const std::string& link : links) {
    LinkTrie* node = &root;
    if (link != ".") {
      for (size_t begin = 0; begin <= link.size();) {
        const size_t end = std::min(link.find('/', begin), link.size());
        node = &node->children[link.substr(begin, end - begin)];
        begin = end + 1;
      }
    }
    node->links.push_back(link);
  }
  return root;
}

class Comparison {
 public:
  explicit Comparison(const ReadTrees& read) : read_(read) {}

  absl::StatusOr<std::set<std::string>> Run(const std::string& a, const std::string& b,
                                            const LinkTrie& links) {
    Compare({.trees = {a}}, {.trees = {b}}, links);
    while (!next_.empty()) {
      const std::vector<Pair> level = std::exchange(next_, {});
      std::map<std::string, size_t> wanted;  // tree ids; then their place in `found`
      for (const Pair& pair : level) {
        for (const auto& id : {pair.a, pair.b}) {
          if (!id.empty()) wanted.emplace(id, 0);
        }
      }
      if (auto status = Read(level, &wanted); !status.ok()) return status;
    }
    return std::move(changed_);
  }

 private:
  // What a tree has under one name. A hostile one may have it several times.
  struct Place {
    std::string all;                 // identifies it: mode and id of each
    std::vector<std::string> trees;  // ids of those that are directories
  };
  using Places = std::map<std::string, Place, std::less<>>;
  // Two directories at the same path; an empty id: there is none.
  struct Pair {
    std::string a, b;
    const LinkTrie* links;
  };

  void Compare(const Place& a, const Place& b, const LinkTrie& links) {
    if (a.all == b.all && a.trees == b.trees) return;
    changed_.insert(links.links.begin(), links.links.end());
    if (links.children.empty()) return;
    if (a.trees.size() > 1 || b.trees.size() > 1) {
      NoteAll(links);
      return;
    }
    const auto only = [](const Place& place) {
      return place.trees.empty() ? std::string() : place.trees[0];
    };
    if (only(a) != only(b)) next_.push_back({only(a), only(b), &links});
  }

  void NoteAll(const LinkTrie& links) {
    changed_.insert(links.links.begin(), links.links.end());
    for (const auto& [name, child] : links.children) NoteAll(child);
  }

  absl::Status Read(const std::vector<Pair>& level, std::map<std::string, size_t>* wanted) {
    std::vector<std::string> ids;
    for (auto& [id, place] : *wanted) {
      place = ids.size();
      ids.push_back(id);
    }
    // Of each tree only what is on the way to a link is kept.
    std::vector<std::set<std::string, std::less<>>> names(ids.size());
    for (const Pair& pair : level) {
      for (const auto& id : {pair.a, pair.b}) {
        if (id.empty()) continue;
        for (const auto& [name, child] : pair.links->children) {
          names[wanted->at(id)].insert(name);
        }
      }
    }
    std::vector<Places> found(ids.size());
    const absl::Status status = read_(ids, [&](size_t index, absl::string_view content) {
      return ForEachEntry(content, ids[index].size(),
                          [&](uint32_t mode, absl::string_view name, std::string id) {
                            if (!names[index].contains(name)) return absl::OkStatus();
                            Place& place = found[index][std::string(name)];
                            absl::StrAppend(&place.all, mode, " ", id, "\n");
                            if (mode == kTreeMode) place.trees.push_back(std::move(id));
                            return absl::OkStatus();
                          });
    });
    if (!status.ok()) return status;
    for (const Pair& pair : level) {
      for (const auto& [name, child] : pair.links->children) {
        const auto in = [&](const std::string& id) -> Place {
          if (id.empty()) return {};
          const Places& places = found[wanted->at(id)];
          const auto it = places.find(name);
          return it == places.end() ? Place{} : it->second;
        };
        Compare(in(pair.a), in(pair.b), child);
      }
    }
    return absl::OkStatus();
  }

  const ReadTrees& read_;
  std::vector<Pair> next_;
  std::set<std::string> changed_;
};

}  // namespace

absl::StatusOr<std::vector<TreeEntry>> ListTree(const std::string& root,
                                                const std::vector<std::string>& links,
                                                int64_t max_files, const ReadTrees& read) {
  return Lister(links, max_files, read).List(root);
}

absl::StatusOr<std::set<std::string>> ChangedLinks(const std::string& a, const std::string& b,
                                                   const std::set<std::string>& links,
                                                   const ReadTrees& read) {
  const LinkTrie trie = TrieOf(links);
  return Comparison(read).Run(a, b, trie);
}

}  // namespace gitops
