#include "agent/revision/manifest_file.h"

#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

constexpr absl::string_view kMagic = "gitops-manifest 2";
constexpr absl::string_view kFormerMagic = "gitops-manifest 1";
constexpr absl::string_view kCommit = "commit";
constexpr absl::string_view kSequence = "sequence";

bool HasNewline(absl::string_view text) { return absl::StrContains(text, '\n'); }

// Takes a number and the space behind it.
template <typename Number>
bool TakeNumber(absl::string_view* text, Number* number, int base = 10) {
  const char* const end = text->data() + text->size();
  const auto [read, error] = std::from_chars(text->data(), end, *number, base);
  if (error != std::errc() || read == end || *read != ' ') return false;
  text->remove_prefix(static_cast<size_t>(read - text->data()) + 1);
  return true;
}

// "e MODE OID SIZE MTIME CTIME INODE PATH"; the path may hold spaces.
bool ParseEntry(absl::string_view line, ManifestEntry* entry) {
  if (!TakeNumber(&line, &entry->mode, 8)) return false;
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return false;
  entry->oid = std::string(line.substr(0, space));
  line.remove_prefix(space + 1);
  if (!TakeNumber(&line, &entry->size) || !TakeNumber(&line, &entry->mtime_ns) ||
      !TakeNumber(&line, &entry->ctime_ns) || !TakeNumber(&line, &entry->inode)) {
    return false;
  }
  entry->path = std::string(line);
  return true;
}

bool ParseLine(absl::string_view key, absl::string_view value, Manifest* manifest) {
  if (key == "e") return ParseEntry(value, &manifest->entries.emplace_back());
  if (key == "boot") {
    manifest->boot_id = std::string(value);
    return true;
  }
  if (key == "covers") {
    manifest->covers.emplace_back(value);
    return true;
  }
  return key == kCommit || key == kSequence;  // for people; the name says it too
}

}  // namespace

absl::StatusOr<std::string> EncodeManifest(const std::string& revision, const Manifest& manifest) {
  std::string text = absl::StrCat(kMagic, "\ncommit ", revision, "\nboot ", manifest.boot_id, "\n");
  for (const std::string& cover : manifest.covers) {
    if (HasNewline(cover)) return absl::InvalidArgumentError("a cover contains a newline");
    absl::StrAppend(&text, "covers ", cover, "\n");
  }
  for (const ManifestEntry& entry : manifest.entries) {
    if (HasNewline(entry.path)) {
      return absl::InvalidArgumentError("a path in the manifest contains a newline");
    }
    absl::StrAppendFormat(&text, "e %06o %s %d %d %d %d %s\n", entry.mode, entry.oid, entry.size,
                          entry.mtime_ns, entry.ctime_ns, entry.inode, entry.path);
  }
  absl::StrAppend(&text, "end ", manifest.entries.size(), "\n");
  return text;
}

absl::StatusOr<Manifest> DecodeManifest(absl::string_view text, const std::string& file) {
  Manifest manifest;
  bool first = true;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (std::exchange(first, false)) {
      if (line == kMagic || line == kFormerMagic) continue;
      break;
    }
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (parts.first == "end") {
      if (parts.second != absl::StrCat(manifest.entries.size())) break;
      return manifest;
    }
    if (!ParseLine(parts.first, parts.second, &manifest)) break;
  }
  return absl::DataLossError(absl::StrCat(
      "the manifest ", file, " is damaged; remove its revision, and it is created again"));
}

int64_t FormerSequence(absl::string_view text) {
  int64_t sequence = 0;
  const std::vector<absl::string_view> lines = absl::StrSplit(text, absl::MaxSplits('\n', 2));
  if (lines.size() != 3 || lines[0] != kFormerMagic) return 0;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(lines[1], absl::MaxSplits(' ', 1));
  return parts.first == kSequence && absl::SimpleAtoi(parts.second, &sequence) ? sequence : 0;
}

}  // namespace gitops
