//! What lies in a repository: files, and modules that the stand-in for `dagger` understands.

use std::path::Path;

use serde_json::{Value, json};

/// What lies at a path of a commit.
#[derive(Debug, Clone)]
pub enum Content {
    /// With its text; one that begins with `#!` can be executed.
    File(String),
    /// A symbolic link with its target.
    Link(String),
    /// Another repository's commit.
    Submodule(String),
    /// Nothing any more.
    Removed,
}

/// Files of a commit.
#[derive(Debug, Clone, Default)]
pub struct Tree(Vec<(String, Content)>);

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn file(mut self, path: &str, text: impl Into<String>) -> Self {
        self.0.push((path.to_owned(), Content::File(text.into())));
        self
    }

    pub fn link(mut self, path: &str, target: impl AsRef<Path>) -> Self {
        let target = target.as_ref().to_str().unwrap().to_owned();
        self.0.push((path.to_owned(), Content::Link(target)));
        self
    }

    pub fn submodule(mut self, path: &str, sha: &str) -> Self {
        self.0.push((path.to_owned(), Content::Submodule(sha.to_owned())));
        self
    }

    pub fn without(mut self, path: &str) -> Self {
        self.0.push((path.to_owned(), Content::Removed));
        self
    }

    pub fn module(mut self, module: Module) -> Self {
        self.0.extend(Self::from(module).0);
        self
    }

    pub fn files(&self) -> &[(String, Content)] {
        &self.0
    }
}

impl Content {
    /// The text of a file.
    #[track_caller]
    pub fn text(&self) -> &str {
        match self {
            Self::File(text) => text,
            other => panic!("{other:?} is no file"),
        }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        files.iter().fold(Self::new(), |tree, (path, text)| tree.file(path, *text))
    }
}

impl From<&[(&str, &str)]> for Tree {
    fn from(files: &[(&str, &str)]) -> Self {
        files.iter().fold(Self::new(), |tree, (path, text)| tree.file(path, *text))
    }
}

/// A dagger module in a folder of the repository.
#[derive(Debug, Clone)]
pub struct Module {
    folder: String,
    sdk: String,
    functions: Vec<Function>,
    constructor: Vec<Value>,
    dependencies: Vec<Value>,
    broken: Option<String>,
    more: Tree,
}

impl Module {
    pub fn new(folder: &str) -> Self {
        let (folder, sdk) = (folder.to_owned(), "go".to_owned());
        let (functions, constructor, dependencies) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder, sdk, functions, constructor, dependencies, broken: None, more: Tree::new() }
    }

    pub fn function(mut self, name: &str, write: impl FnOnce(Function) -> Function) -> Self {
        self.functions.push(write(Function::new(name)));
        self
    }

    pub fn sdk(mut self, sdk: &str) -> Self {
        self.sdk = sdk.to_owned();
        self
    }

    /// `syntax` or `types`, as the stand-in takes them.
    pub fn broken(mut self, how: &str) -> Self {
        self.broken = Some(how.to_owned());
        self
    }

    /// An argument of the constructor.
    pub fn constructed_with(mut self, declaration: &str) -> Self {
        self.constructor.push(declaration.into());
        self
    }

    /// A module that this one uses, by the path in its `dagger.json`.
    pub fn depends_on(mut self, source: &str) -> Self {
        self.dependencies.push(json!({"name": "dep", "source": source}));
        self
    }

    /// A symbolic link beside the module, anywhere in the repository.
    pub fn link(mut self, path: &str, target: impl AsRef<Path>) -> Self {
        self.more = self.more.link(path, target);
        self
    }

    pub fn submodule(mut self, path: &str, sha: &str) -> Self {
        self.more = self.more.submodule(path, sha);
        self
    }

    /// Another module in the same repository.
    pub fn beside(mut self, other: Self) -> Self {
        self.more = self.more.module(other);
        self
    }

    /// A file beside the module, anywhere in the repository.
    pub fn file(mut self, path: &str, text: impl Into<String>) -> Self {
        self.more = self.more.file(path, text);
        self
    }
}

impl From<Module> for Tree {
    fn from(module: Module) -> Self {
        let mut about = json!({
            "name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": module.sdk}
        });
        if !module.dependencies.is_empty() {
            about["dependencies"] = module.dependencies.into();
        }
        let functions: Vec<Value> = module.functions.into_iter().map(Function::json).collect();
        let mut source = json!({"functions": functions});
        if !module.constructor.is_empty() {
            source["constructor"] = module.constructor.into();
        }
        if let Some(how) = module.broken {
            source["broken"] = how.into();
        }
        let folder = module.folder;
        let mut tree = Self::new()
            .file(&format!("{folder}/dagger.json"), pretty(&about))
            .file(&format!("{folder}/stand-in.json"), pretty(&source));
        tree.0.extend(module.more.0);
        tree
    }
}

/// One function of a module: its arguments, and what it does.
#[derive(Debug, Clone)]
pub struct Function {
    name: String,
    arguments: Vec<Value>,
    returns: String,
    steps: Vec<Value>,
}

impl Function {
    fn new(name: &str) -> Self {
        let (name, returns) = (name.to_owned(), "Void".to_owned());
        Self { name, arguments: Vec::new(), returns, steps: Vec::new() }
    }

    fn json(self) -> Value {
        let Self { name, arguments, returns, steps } = self;
        json!({"name": name, "args": arguments, "returns": returns, "does": steps})
    }

    /// An argument as in `filter: String! = "opened"`.
    pub fn arg(mut self, declaration: &str) -> Self {
        self.arguments.push(declaration.into());
        self
    }

    /// An argument in the stand-in's own words.
    pub fn arg_json(mut self, declaration: &str) -> Self {
        self.arguments.push(serde_json::from_str(declaration).unwrap());
        self
    }

    pub fn src(self) -> Self {
        self.arg("src: Directory!")
    }

    pub fn event_trigger(self) -> Self {
        self.arg("eventTrigger: File!")
    }

    pub fn secret(self, name: &str) -> Self {
        self.arg(&format!("{name}: Secret!"))
    }

    /// A matcher over the changed files.
    pub fn on_changes(self, globs: &str) -> Self {
        self.arg(&format!("onChanges: String! = \"{globs}\""))
    }

    pub fn returns(mut self, kind: &str) -> Self {
        self.returns = kind.to_owned();
        self
    }

    /// A step in the stand-in's own words.
    pub fn step(mut self, step: Value) -> Self {
        self.steps.push(step);
        self
    }

    pub fn prints(self, text: &str) -> Self {
        self.step(json!({"print": text}))
    }

    /// A container that runs this.
    pub fn executes(self, shell: &str) -> Self {
        self.step(json!({"exec": shell}))
    }

    /// Puts a text (`${filter}`, `${eventTrigger.contents}`) into a file of the story's.
    pub fn hands_over(self, text: &str, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().display();
        let shell = format!("printf %s \"$TEXT\" > {path}.part && mv {path}.part {path}");
        self.step(json!({"exec": shell, "env": {"TEXT": text}}))
    }

    pub fn raises(self, message: &str) -> Self {
        self.step(json!({"raise": message}))
    }

    pub fn exits(self, status: i32) -> Self {
        self.step(json!({"exit": status}))
    }

    /// Tells the story that it began.
    pub fn touches(self, path: impl AsRef<Path>) -> Self {
        self.step(json!({"touch": path.as_ref()}))
    }

    /// Lets the story, or another function, decide when it goes on.
    pub fn waits_for(self, path: impl AsRef<Path>) -> Self {
        self.step(json!({"wait-for": path.as_ref()}))
    }

    /// A grandchild that holds the output and is not waited for; its number lands in a file.
    pub fn spawns_a_sleeper(self, pid: impl AsRef<Path>) -> Self {
        let pid = pid.as_ref().display();
        self.step(json!({"spawn": format!("echo $$ > {pid}; exec sleep 1000")}))
    }
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    text.push('\n');
    text
}
