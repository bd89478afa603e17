/** Command ids; each is described where it is registered. */
export namespace FolderCommandIDs {
  export const mount = 'jupyter-oscar:mount-folder';
  export const unmount = 'jupyter-oscar:unmount-folder';
  export const remount = 'jupyter-oscar:mount-again';
  export const rescue = 'jupyter-oscar:save-to-bucket';
}
