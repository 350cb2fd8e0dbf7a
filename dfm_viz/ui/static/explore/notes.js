// What the reader of pictures says about one, and its one offer: dark pictures of 16 bits, stretched.
function tellNotes(reply, file) {
  if (!(reply.notes || []).length) return;
  notice('read', 'How ' + reply.title + ' was read', reply.notes.join(' ') + ' ');
  if (!file || !(reply.stretchable || file.stretch)) return;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'link';
  button.textContent = file.stretch ? 'Show it as it is' : 'Stretch it';
  button.addEventListener('click', () => { file.stretch = !file.stretch; openFile(file); });
  $('.notice span').append(button);
}
