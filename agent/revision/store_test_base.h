#ifndef GITOPS_AGENT_REVISION_STORE_TEST_BASE_H_
#define GITOPS_AGENT_REVISION_STORE_TEST_BASE_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_writer.h"
#include "common/path/temporary_directory.h"
#include "gtest/gtest.h"

namespace gitops {

// A store in a directory of its own, which every account can reach.
class RevisionStoreTest : public ::testing::Test {
 protected:
  // `printf one | git hash-object --stdin`
  static constexpr char kOneOid[] = "43dd47ea691c90a5fa7827892c70241913351963";
  static constexpr char kAOid[] = "2e65efe2a145dda7ee51d1741299f848e5bf752e";  // the symlink "a"

  void SetUp() override {
    root_ = dir_ / "mount/web";
    Reopen();
  }

  void Reopen(StoreAccess access = StoreAccess::kMounts) {
    store_.reset();
    auto store = RevisionStore::Open(root_, access);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  static void Fill(RevisionWriter* writer) {
    ASSERT_EQ(mkdirat(writer->directory(), "etc", 0755), 0);
    const Fd file(openat(writer->directory(), "etc/a", O_CREAT | O_WRONLY, 0600));
    ASSERT_EQ(write(file.get(), "one", 3), 3);
    ASSERT_EQ(symlinkat("a", writer->directory(), "etc/b"), 0);
    writer->Add({.path = "etc/b", .mode = 0120000, .oid = kAOid});
    writer->Add({.path = "etc/a", .mode = 0100644, .oid = kOneOid});
    writer->Cover({"etc"});
  }

  // Returns its directory.
  std::string Write(const std::string& revision) {
    auto writer = store_->Write(revision);
    EXPECT_TRUE(writer.ok()) << writer.status();
    if (!writer.ok()) return "";
    Fill(writer->get());
    const absl::Status status = (*writer)->Finish(-1, -1);
    EXPECT_TRUE(status.ok()) << status;
    return (*writer)->name();
  }

  std::string NewestOf(const std::string& revision) const {
    const auto newest = store_->Newest(revision);
    return newest.ok() ? *newest : absl::StatusCodeToString(newest.status().code());
  }

  std::vector<std::string> Files(const std::string& below = "") const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(root_ + "/" + below)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  mode_t ModeOf(const std::string& path) const {
    struct stat stat {};
    EXPECT_EQ(lstat((root_ + "/" + path).c_str(), &stat), 0) << path;
    return stat.st_mode & 07777;
  }

  // As the former layout had it: the directory is the user's, its manifest beside it.
  void WriteFormer(const std::string& revision, int sequence) const {
    std::filesystem::create_directories(root_ + "/" + revision + "/etc");
    std::ofstream(root_ + "/" + revision + "/etc/a") << "one";
    struct stat stat {};
    ASSERT_EQ(lstat((root_ + "/" + revision + "/etc/a").c_str(), &stat), 0);
    const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
    std::ofstream(root_ + "/" + revision + ".manifest")
        << "gitops-manifest 1\nsequence " << sequence << "\nboot x\ncovers etc\ne 100644 "
        << kOneOid << " 3 " << ns(stat.st_mtim) << " " << ns(stat.st_ctim) << " " << stat.st_ino
        << " etc/a\nend 1\n";
  }

  const TemporaryDirectory dir_{TemporaryDirectory::For::kEveryAccount};
  std::string root_;
  std::unique_ptr<RevisionStore> store_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_STORE_TEST_BASE_H_
