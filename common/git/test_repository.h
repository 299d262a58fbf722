#ifndef GITOPS_COMMON_GIT_TEST_REPOSITORY_H_
#define GITOPS_COMMON_GIT_TEST_REPOSITORY_H_

#include <map>
#include <string>
#include <vector>

namespace gitops {

// A real repository for tests, written with git's plumbing commands, so that it can contain what
// git would refuse to write. A failing git command ends the test program.
class TestRepository {
 public:
  // A bare one at `path`, which is created.
  explicit TestRepository(std::string path, const std::string& object_format = "sha1");

  const std::string& path() const { return path_; }
  std::string url() const { return "file://" + path_; }

  struct Entry {
    std::string mode, oid, name;  // as in a git tree: "100644", …
  };
  std::string WriteBlob(const std::string& content) const;
  // The same for content that is too large for a string.
  std::string WriteBlobFromFile(const std::string& file) const;
  // Writes the entries as they are: no check of order or names.
  std::string WriteTree(const std::vector<Entry>& entries) const;
  // Puts `tree` on top of `branch` (made if missing; moved there if not `on_top`).
  std::string Commit(const std::string& tree, const std::string& branch = "main",
                     bool on_top = true) const;

  // Commits plain files, by path; a content of "->TARGET" makes a symlink, "+x" in front an
  // executable. The commit has these and nothing else.
  std::string CommitFiles(const std::map<std::string, std::string>& files,
                          const std::string& branch = "main", bool on_top = true) const;

  std::string Git(const std::vector<std::string>& arguments, const std::string& input = "") const;

 private:
  std::string TreeOf(const std::map<std::string, std::string>& files) const;

  std::string path_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_TEST_REPOSITORY_H_
