#include "agent/controller/service_diff.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/text/escape.h"
#include "common/text/plural.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using Kind = DriftEntry::Kind;

constexpr uint32_t kSubmoduleMode = 0160000;

// The part of `path` at or beneath `link`, with a slash first; nothing: it is elsewhere.
std::optional<std::string> Below(const std::string& path, const std::string& link) {
  if (link == ".") return absl::StrCat("/", path);
  if (!absl::StartsWith(path, link)) return std::nullopt;
  const std::string rest = path.substr(link.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  return rest;
}

// The deepest `link` says where it is.
std::string OnHost(const std::vector<DirectorySpec>& directories, const std::string& path) {
  const DirectorySpec* best = nullptr;
  for (const DirectorySpec& directory : directories) {
    if (directory.local.empty() || !Below(path, directory.link).has_value()) continue;
    if (best == nullptr || directory.link.size() > best->link.size()) best = &directory;
  }
  return EscapeText(best == nullptr ? path : absl::StrCat(best->local, *Below(path, best->link)));
}

std::string IdOf(const Source::File& file) { return file.mode == kSubmoduleMode ? "" : file.id; }

std::string WhatDiffers(const Source::File& before, const Source::File& after) {
  const std::string mode = before.mode == after.mode ? ""
                                                     : absl::StrFormat("mode %06o instead of %06o",
                                                                       after.mode, before.mode);
  if (before.id == after.id) return mode;
  return mode.empty() ? "content" : absl::StrCat(mode, ", and content");
}

// The content of one side; nothing: it is not known, or no text.
using Contents = std::map<std::string, std::string>;
std::optional<std::string> TextOf(const std::string& id, const Contents& contents) {
  if (id.empty()) return "";
  const auto found = contents.find(id);
  if (found == contents.end() || !IsText(found->second)) return std::nullopt;
  return found->second;
}

std::string Rendered(const DriftEntry& entry, const TextDiff& diff) {
  const std::string before = entry.kind == Kind::kAdded ? "/dev/null" : "a" + entry.path;
  const std::string after = entry.kind == Kind::kDeleted ? "/dev/null" : "b" + entry.path;
  std::string text =
      absl::StrCat("--- ", before, "\n+++ ", after, "\n", EscapeText(diff.hunks, kLines));
  const std::string end = absl::StrCat("(cut; in all ", Counted(diff.added, "line"), " added, ",
                                       diff.removed, " removed)\n");
  if (!diff.cut && text.size() <= kMaxDiffBytes) return text;
  text = ValidUtf8(text, kMaxDiffBytes - end.size());
  text.resize(text.rfind('\n') + 1);
  return text + end;
}

void Tell(const TextDiff& diff, const DiffWish& wish, size_t& bytes, DriftEntry& entry) {
  entry.added_lines = diff.added;
  entry.removed_lines = diff.removed;
  if (!wish.content || diff.hunks.empty()) return;
  const std::string text = Rendered(entry, diff);
  if (bytes + text.size() > kMaxAllDiffBytes) {
    absl::StrAppend(&entry.detail, entry.detail.empty() ? "" : "; ",
                    "its diff is left out, since the answer has enough of them");
    return;
  }
  bytes += text.size();
  const bool says_more = !entry.detail.empty() && entry.detail != "content";
  entry.detail = says_more ? absl::StrCat(entry.detail, "\n", text) : text;
}

}  // namespace

std::vector<ComparedFile> CompareFiles(const std::vector<DirectorySpec>& directories,
                                       const std::vector<Source::File>& before,
                                       const std::vector<Source::File>& after) {
  std::vector<ComparedFile> files;
  const auto add = [&](Kind kind, const std::string& path, std::string detail, std::string from,
                       std::string to) {
    DriftEntry entry{.kind = kind, .path = OnHost(directories, path), .detail = std::move(detail)};
    entry.tracked = path;
    files.push_back(
        {.entry = std::move(entry), .before_id = std::move(from), .after_id = std::move(to)});
  };
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (now == after.end() || (old != before.end() && old->path < now->path)) {
      add(Kind::kDeleted, old->path, "", IdOf(*old), "");
      ++old;
    } else if (old == before.end() || now->path < old->path) {
      add(Kind::kAdded, now->path, "", "", IdOf(*now));
      ++now;
    } else {
      if (old->mode != now->mode || old->id != now->id) {
        add(Kind::kModified, now->path, WhatDiffers(*old, *now), IdOf(*old), IdOf(*now));
      }
      ++old;
      ++now;
    }
  }
  std::stable_sort(files.begin(), files.end(), [](const ComparedFile& a, const ComparedFile& b) {
    return a.entry.path < b.entry.path;
  });
  return files;
}

std::vector<DriftEntry> WithDiffs(
    std::vector<ComparedFile> files, const DiffWish& wish, const TextDiffer& differ,
    const std::function<absl::StatusOr<std::map<std::string, std::string>>(
        const std::set<std::string>& ids)>& contents,
    const std::stop_token& stop) {
  std::vector<ComparedFile*> wanted;
  std::set<std::string> ids;
  for (ComparedFile& file : files) {
    const bool has_content = !file.before_id.empty() || !file.after_id.empty() || file.read;
    if (!differ || !has_content || wanted.size() == kMaxDiffed) continue;
    if (wish.secrets.contains(file.entry.path)) continue;
    wanted.push_back(&file);
    if (!file.before_id.empty()) ids.insert(file.before_id);
    if (!file.after_id.empty()) ids.insert(file.after_id);
  }
  if (!wanted.empty()) {
    const auto known = ids.empty() ? Contents() : contents(ids);
    absl::Status failure = known.status();
    std::vector<TextPair> pairs;
    std::vector<DriftEntry*> entries;
    for (ComparedFile* file : wanted) {
      if (!failure.ok()) break;
      const auto before = TextOf(file->before_id, *known);
      const auto after =
          file->read ? std::optional(file->after_text) : TextOf(file->after_id, *known);
      if (!before.has_value() || !after.has_value() || !IsText(*after)) continue;
      pairs.push_back({*before, *after});
      entries.push_back(&file->entry);
    }
    if (failure.ok()) {
      const auto diffs = differ(pairs, kMaxDiffBytes, stop);
      failure = diffs.status();
      size_t bytes = 0;
      for (size_t i = 0; diffs.ok() && i < entries.size(); ++i) {
        Tell((*diffs)[i], wish, bytes, *entries[i]);
      }
    }
    if (!failure.ok() && wish.content) {
      std::string& detail = wanted.front()->entry.detail;
      absl::StrAppend(&detail, detail.empty() ? "" : "; ",
                      "no diffs: ", EscapeText(failure.message()));
    }
  }
  std::vector<DriftEntry> entries;
  for (ComparedFile& file : files) entries.push_back(std::move(file.entry));
  return entries;
}

}  // namespace gitops
