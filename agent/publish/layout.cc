#include "agent/publish/layout.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/split_path.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// An inner mount point, and the directories created for it, do not belong to the service.
bool BelongsToInner(const Place& place, const std::string& path) {
  return std::any_of(place.inner.begin(), place.inner.end(),
                     [&](const std::string& inner) { return PathBelow(path, inner).has_value(); });
}

DriftEntry::Kind KindOf(TreeDifference::Kind kind) {
  switch (kind) {
    case TreeDifference::Kind::kModified:
      return DriftEntry::Kind::kModified;
    case TreeDifference::Kind::kDeleted:
      return DriftEntry::Kind::kDeleted;
    case TreeDifference::Kind::kUnreadable:
      return DriftEntry::Kind::kUnreadable;
    case TreeDifference::Kind::kUntracked:
      return DriftEntry::Kind::kUntracked;
    case TreeDifference::Kind::kNotCompared:
      return DriftEntry::Kind::kNotCompared;
  }
  return DriftEntry::Kind::kModified;
}

DriftEntry OnHost(const TreeDifference& difference, const Place& place, const std::string& path) {
  const std::string& local = place.spec.local;
  DriftEntry entry{KindOf(difference.kind),
                   EscapeText(path.empty() ? local : JoinPath(local, path)), difference.detail};
  const bool changed =
      entry.kind == DriftEntry::Kind::kModified || entry.kind == DriftEntry::Kind::kDeleted;
  if (changed) entry.tracked = difference.path;
  return entry;
}

}  // namespace

std::string Place::PathIn(absl::string_view tree) const {
  return spec.link == "." ? std::string(tree) : absl::StrCat(tree, "/", spec.link);
}

std::optional<std::string> PathBelow(absl::string_view path, absl::string_view above) {
  if (above == ".") return std::string(path);
  if (path == above) return "";
  if (!absl::StartsWith(path, above)) return std::nullopt;
  if (absl::EndsWith(above, "/")) return std::string(path.substr(above.size()));
  if (path[above.size()] != '/') return std::nullopt;
  return std::string(path.substr(above.size() + 1));
}

std::vector<Place> OrderPlaces(const std::vector<DirectorySpec>& directories) {
  std::vector<Place> places;
  for (const DirectorySpec& spec : directories) {
    // Followed, but not published.
    if (!spec.local.empty()) places.push_back({.spec = spec});
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.spec.local < b.spec.local;  // parents sort first
  });
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t above = i; above-- > 0 && !places[i].outer;) {
      const auto below = PathBelow(places[i].spec.local, places[above].spec.local);
      if (!below || below->empty()) continue;
      places[i].outer = above;
      places[i].path_in_outer = *below;
      const std::string& link = places[above].spec.link;
      places[i].path_in_revision = JoinPath(link == "." ? "" : link, *below);
      places[above].inner.push_back(*below);
    }
  }
  return places;
}

std::vector<std::string> SymlinkedPlaces(const ServiceSpec& service) {
  const std::vector<Place> places = OrderPlaces(service.directories);
  std::vector<std::string> paths;
  for (const Place& inner : places) {
    if (!inner.outer) continue;
    const Place& outer = places[*inner.outer];
    const std::string& path = inner.path_in_revision;
    const bool shown = std::any_of(places.begin(), places.end(), [&](const Place& place) {
      const bool beneath = PathBelow(place.spec.link, path).has_value();
      const bool above = PathBelow(path, place.spec.link).has_value();
      return beneath || (above && &place != &outer);
    });
    if (!shown) paths.push_back(path);
  }
  return paths;
}

std::vector<DriftEntry> DriftOnHost(const std::vector<TreeDifference>& differences,
                                    const std::vector<Place>& places,
                                    const std::vector<bool>& published) {
  std::vector<DriftEntry> drift;
  for (const TreeDifference& difference : differences) {
    // A difference without a path is about the whole revision: report it at the first place.
    const bool of_all = difference.path.empty();
    for (size_t i = 0; i < places.size(); ++i) {
      if (!published[i]) continue;
      const auto path = of_all ? std::string() : PathBelow(difference.path, places[i].spec.link);
      if (!path || BelongsToInner(places[i], *path)) continue;
      drift.push_back(OnHost(difference, places[i], *path));
      if (!of_all) continue;
      drift.back().unlisted = difference.unlisted;
      break;
    }
  }
  std::stable_sort(drift.begin(), drift.end(),
                   [](const DriftEntry& a, const DriftEntry& b) { return a.path < b.path; });
  return drift;
}

}  // namespace gitops
