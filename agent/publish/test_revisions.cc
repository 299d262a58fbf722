#include "agent/publish/test_revisions.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/revision/revision_writer.h"
#include "common/git/object_hash.h"

namespace gitops {

void WriteTestRevision(RevisionStore& store, const std::string& revision,
                       const std::map<std::string, std::string>& files) {
  auto writer = store.Write(revision);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const std::filesystem::path root = absl::StrCat("/proc/self/fd/", (*writer)->directory());
  for (const auto& [path, content] : files) {
    std::filesystem::create_directories((root / path).parent_path());
    const bool symlink = absl::StartsWith(content, "-> ");
    const std::string body = symlink ? content.substr(3) : content;
    if (symlink) {
      std::filesystem::create_symlink(body, root / path);
    } else {
      std::ofstream(root / path) << body;
      std::filesystem::permissions(root / path, std::filesystem::perms(0644));
    }
    ObjectHash hash("blob", static_cast<int64_t>(body.size()), 40);
    hash.Update(body);
    (*writer)->Add({.path = path,
                    .mode = symlink ? 0120000u : 0100644u,
                    .oid = hash.Finish(),
                    .size = static_cast<int64_t>(body.size())});
  }
  const absl::Status status = (*writer)->Finish(-1, -1);
  ASSERT_EQ(status, absl::OkStatus());
}

void WriteFormerRevision(RevisionStore& store, const std::string& revision, int sequence,
                         const std::map<std::string, std::string>& files) {
  WriteTestRevision(store, revision, files);
  const std::filesystem::path root = store.root();
  const std::string directory = *store.Newest(revision);
  std::ostringstream text;
  text << std::ifstream(root / directory / "manifest").rdbuf();
  std::ofstream(root / (revision + ".manifest")) << absl::StrReplaceAll(
      text.str(),
      {{"gitops-manifest 2\n", absl::StrCat("gitops-manifest 1\nsequence ", sequence, "\n")}});
  std::filesystem::rename(root / directory / "tree", root / revision);
  std::filesystem::remove_all(root / directory);
}

}  // namespace gitops
